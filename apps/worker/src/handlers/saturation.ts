import type { Share, VariantReport } from "@flotilla/fleet";
import type { JobContext } from "../ports.ts";
import { saturationOutputSchema, type ParsedSaturation } from "../sandbox/evaluation-schemas.ts";
import { limitsFor } from "../sandbox/limits.ts";
import type { PredictSaturationInput } from "../sandbox/predict-saturation.ts";
import { runModel } from "../sandbox/run-model.ts";
import type { StagedFiles } from "../staged-files.ts";

/** Emulating a convolution takes some hundred times as long as running it; clipped sums show on few examples. */
const EXAMPLES = 200;
const SECONDS = 20 * 60;

/** Predicts how a candidate answers on x86 CPUs without VNNI. Null where that could not be done; the log then says why. */
export async function saturationOf(staged: StagedFiles, test: Omit<PredictSaturationInput["test"], "limit">, context: JobContext): Promise<VariantReport["saturation"]> {
  const run = await runModel<PredictSaturationInput, unknown>({
    entry: new URL("../sandbox/predict-saturation.ts", import.meta.url),
    input: { modelPath: staged.modelPath, test: { ...test, limit: EXAMPLES } },
    limits: limitsFor(4 * staged.totalBytes, SECONDS),
    workDir: context.workDir,
    signal: context.signal,
    doing: () => "emulating integer kernels",
  });
  const output = saturationOutputSchema.safeParse(run.kind === "ok" ? run.output : null);
  if (output.success) return reportOf(output.data);
  context.report({ logs: [{ level: "warn", text: `Saturation was not predicted: ${run.kind === "refused" ? run.reason : "the emulator gave something else than numbers"}` }] });
  return null;
}

function reportOf({ n, layers, saturatedLayers, examplesAffected, exactBy, identicalHere, agreement, accuracy }: ParsedSaturation): VariantReport["saturation"] {
  const method = `integer kernels emulated with 16-bit sums on ${n} test examples; exact answers by ${exactBy}${identicalHere === null ? "" : `; the worker's own CPU has no VNNI and gave the predicted outputs, bit for bit, on ${identicalHere} of ${n}`}`;
  const shareIn = (found: ParsedSaturation["agreement"]): Share | null => found && { value: found.value, n: found.n, ci95: [found.low, found.high], method: `${method}; Wilson score interval, 95 %` };
  const sentence =
    saturatedLayers === 0
      ? `No sum of ${layers} integer layers saturated: x86 CPUs without VNNI give the same answers.`
      : `Sums of ${saturatedLayers} of ${layers} integer layers saturated on ${examplesAffected} of ${n} examples: on x86 CPUs without VNNI some answers differ. ARM adds in 32 bits and has none of this.`;
  return { saturatedNodes: saturatedLayers, agreement: shareIn(agreement), accuracy: shareIn(accuracy), sentence, method };
}
