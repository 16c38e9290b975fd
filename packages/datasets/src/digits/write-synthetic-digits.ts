import { checkOptions } from "../check-options.ts";
import { DefectLog } from "../defect-log.ts";
import { DatasetWriter } from "../file/dataset-writer.ts";
import { DATASET_LIMITS } from "../limits.ts";
import type { RawExample } from "../raw-example.ts";
import type { ConvertContext, DatasetHeader, DatasetOptions } from "../types.ts";
import { DIGIT_SIDE, renderSyntheticDigit } from "./synthetic-digits.ts";

/** Writes the built-in digits as a dataset file, one at a time. The seed draws both digits and splits; same seed and count, same bytes. */
export async function writeSyntheticDigits(
  wish: { readonly count: number; readonly seed: number; readonly fractions?: DatasetOptions["fractions"] },
  outPath: string,
  context: Pick<ConvertContext, "signal"> = {},
): Promise<DatasetHeader> {
  const options: DatasetOptions = { seed: wish.seed, task: "classification", ...(wish.fractions ? { fractions: wish.fractions } : {}) };
  checkOptions(options);
  const writer = await DatasetWriter.create(outPath, DATASET_LIMITS);
  try {
    for (let index = 0; index < wish.count; index += 1) {
      context.signal?.throwIfAborted();
      await writer.add(rawDigit(index, wish.seed));
    }
    const facts = { kind: "image", elementType: "uint8", shape: [], features: null, sampleRateHz: null } as const;
    return await writer.finish({ ...facts, source: { format: "synthetic-digits", files: [] }, options, defects: new DefectLog(0) });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function rawDigit(index: number, seed: number): RawExample {
  const { pixels, label } = renderSyntheticDigit(index, seed);
  return { id: `digit ${index}`, payload: pixels, encoding: "raw", size: { width: DIGIT_SIDE, height: DIGIT_SIDE, channels: 1 }, label, split: null, group: null };
}
