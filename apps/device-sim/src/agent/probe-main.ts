import { readFile } from "node:fs/promises";
import { checkGoldenSet, openModel, sandboxMain } from "@flotilla/runtime";
import type { ProbeInput, ProbeResult } from "./probe-messages.ts";

// Entry of the sandbox child that tries a model before the device switches to it: load, run the golden set, compare.
sandboxMain<ProbeInput, ProbeResult>(async (input, context) => {
  const startMs = performance.now();
  const model = await openModel(input.modelPath, { intraOpThreads: input.intraOpThreads, executionProviders: input.executionProviders });
  const loadMs = performance.now() - startMs;
  context.progress("loaded");
  const check = await checkGoldenSet(model, await readFile(input.goldenPath), { relTolerance: input.relativeTolerance, absTolerance: input.absoluteTolerance });
  const failure = check.failures[0];
  return {
    ok: check.ok,
    loadMs,
    maxAbsError: check.maxAbsError,
    comparedValues: check.comparedValues,
    firstFailure: failure === undefined ? null : `output "${failure.output}": ${failure.reason}`,
  };
});
