import { checkGoldenSet, makeGoldenSet, openModel, sandboxMain, type GoldenFailure } from "@flotilla/runtime";

export type GoldenInput = { modelPath: string; relativeTolerance: number; absoluteTolerance: number };
/** `unstable` names the first difference between two runs on the same input; the set is then useless. */
export type GoldenOutput = { base64: string; unstable: GoldenFailure | null };

/** Each seed costs every device one run; the second one catches a kernel that is right on the first input only. */
const SEEDS = [1, 2];

sandboxMain<GoldenInput, GoldenOutput>(async ({ modelPath, relativeTolerance, absoluteTolerance }) => {
  const model = await openModel(modelPath);
  const bytes = await makeGoldenSet(model, { seeds: SEEDS });
  await model.close();
  // Devices open the model anew: so does the proof that they can come to the same numbers.
  const again = await openModel(modelPath);
  const check = await checkGoldenSet(again, bytes, { relTolerance: relativeTolerance, absTolerance: absoluteTolerance });
  await again.close();
  return { base64: Buffer.from(bytes).toString("base64"), unstable: check.failures[0] ?? null };
});
