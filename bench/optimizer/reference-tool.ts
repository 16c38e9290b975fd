// Item 8: wall time of static quantisation, and the artefact's speed, against a reference that the caller measured on this machine.
import { readFile } from "node:fs/promises";
import { measureInterleaved, quantizeStatic } from "@flotilla/optimizer";
import { openModel } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { median, range } from "../load/world.ts";
import { UsageError } from "../world/whole-numbers.ts";
import { inMemory, photographs, prepared, shared } from "./examples.ts";
import { notAtHand, type Row } from "./row.ts";

const [IMAGES, RUNS] = [300, 3];
/** As the reference tool is called by default, and as this project calls itself. */
const METHODS = [{ kind: "min-max" }, { kind: "least-squares" }] as const;

/** What the caller measured on the same photographs, as tensors in memory; `modelPath` is the quickest model that the reference made. */
export type Reference = { readonly tool: string; readonly seconds: readonly number[]; readonly modelPath: string | null };

/** Throws `UsageError` where the file is not what is asked for. */
export async function readReference(path: string): Promise<Reference> {
  const usage = `--reference takes a JSON file {"tool": text, "seconds": [numbers above 0], "modelPath": path or null}; ${path} is none`;
  const value: unknown = await readFile(path, "utf8").then(JSON.parse).catch(() => null);
  if (typeof value !== "object" || value === null || !("tool" in value) || !("seconds" in value)) throw new UsageError(usage);
  const { tool, seconds } = value;
  const modelPath = "modelPath" in value && typeof value.modelPath === "string" ? value.modelPath : null;
  const isTime = (second: unknown): second is number => typeof second === "number" && second > 0;
  if (typeof tool !== "string" || !Array.isArray(seconds) || seconds.length === 0 || !seconds.every(isTime)) throw new UsageError(usage);
  return { tool, seconds, modelPath };
}

export async function referenceTool(workDir: string, reference: Reference | null): Promise<Row[]> {
  const path = shared("models/squeezenet-fp16.onnx");
  const what = `SqueezeNet, static quantisation, ${IMAGES} photographs`;
  if (path === null) return [notAtHand("8", what, "≤ 1.0 x")];
  const model = await prepared(path);
  const photos = await photographs(model, "train", IMAGES, workDir);
  if (photos === null) return [notAtHand("8", what, "≤ 1.0 x", "no photographs in ../shared")];
  const examples = await inMemory(photos);
  const rows: Row[] = [];
  let bytes: Uint8Array = new Uint8Array();
  for (const method of METHODS) {
    const seconds: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const from = performance.now();
      // The file that is read and the file that is written belong to the time, as they do to the reference's.
      const { model: quantised } = await quantizeStatic(await prepared(path), examples, { calibration: method });
      bytes = writeOnnx(quantised);
      seconds.push((performance.now() - from) / 1000);
    }
    const ratio = reference === null ? null : median(seconds) / median(reference.seconds);
    const beside = reference === null || ratio === null ? "" : `, ${ratio.toFixed(2)} x ${reference.tool} (${median(reference.seconds).toFixed(1)} s)`;
    rows.push({ item: "8", what: `${what}, ${method.kind}, simplification included`, measured: `${median(seconds).toFixed(1)} s (${range(seconds, 1)})${beside}`, reference: ratio === null ? "≤ 1.0 x (no --reference)" : "≤ 1.0 x", holds: ratio === null ? null : ratio <= 1 });
  }
  if (reference?.modelPath != null) rows.push(await runTime(reference.modelPath, bytes, (await examples.read(0)).feeds));
  return rows;
}

async function runTime(theirPath: string, ours: Uint8Array, feeds: Parameters<typeof measureInterleaved>[2]): Promise<Row> {
  const [parent, variant] = [await openModel(theirPath), await openModel(ours)];
  const { ratio } = await measureInterleaved(parent, variant, feeds);
  await parent.close();
  await variant.close();
  return { item: "8", what: "SqueezeNet, int8 time over the reference's best, 1 thread", measured: `${ratio.median.toFixed(3)} x (95 %: ${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}, ${ratio.pairs} pairs)`, reference: "not slower: interval reaches 1", holds: ratio.low <= 1 };
}
