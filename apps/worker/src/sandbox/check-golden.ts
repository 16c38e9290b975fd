import { readFile } from "node:fs/promises";
import { checkGoldenSet, openModel, sandboxMain, type GoldenFailure } from "@flotilla/runtime";

export type CheckGoldenInput = { modelPath: string; goldenPath: string; relativeTolerance: number; absoluteTolerance: number };
/** `difference`: the first value that came out otherwise; null when the set was reproduced. */
export type CheckGoldenOutput = { difference: GoldenFailure | null };

// A process of its own, as on a device: ONNX Runtime draws its random seed once per process.
sandboxMain<CheckGoldenInput, CheckGoldenOutput>(async ({ modelPath, goldenPath, relativeTolerance, absoluteTolerance }) => {
  const model = await openModel(modelPath);
  const check = await checkGoldenSet(model, await readFile(goldenPath), { relTolerance: relativeTolerance, absTolerance: absoluteTolerance });
  await model.close();
  return { difference: check.failures[0] ?? null };
});
