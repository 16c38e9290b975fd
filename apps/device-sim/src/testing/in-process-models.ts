import { checkGoldenSet, openModel, runtimeFacts } from "@flotilla/runtime";
import { readFile } from "node:fs/promises";
import { createInputSource } from "../agent/input-source.ts";
import { ModelFailure, type ModelPort } from "../agent/model.ts";

/**
 * Models on ONNX Runtime in this very process: for programs that are killed by the hundred, where a process for each inference and each
 * probe would be most of the work. What the agent does with its disk and its server is the same.
 */
export function inProcessModels(): ModelPort {
  return {
    facts: runtimeFacts,
    async probe(files) {
      const { content } = files;
      const startMs = performance.now();
      const model = await openModel(files.modelPath, content).catch((error: unknown) => String(error));
      if (typeof model === "string") return { kind: "refused", code: "load_failed", detail: model };
      const loadMs = performance.now() - startMs;
      try {
        const check = await checkGoldenSet(model, await readFile(files.goldenPath), { relTolerance: content.relativeTolerance, absTolerance: content.absoluteTolerance });
        if (check.ok && check.comparedValues > 0) return { kind: "passed", loadMs, maxAbsError: check.maxAbsError };
        return { kind: "refused", code: "probe_failed", detail: check.failures[0]?.reason ?? "the golden set compares nothing" };
      } finally {
        await model.close();
      }
    },
    async open(files, input) {
      const startMs = performance.now();
      const model = await openModel(files.modelPath, files.content).catch((error: unknown) => {
        throw new ModelFailure("load", String(error));
      });
      const loadMs = performance.now() - startMs;
      const source = await createInputSource(input, model.inputs);
      const infer = async (feeds: Parameters<typeof model.run>[0]) => {
        const at = performance.now();
        const outputs = await model.run(feeds);
        return { outputs, latencyMs: performance.now() - at };
      };
      return { inputs: model.inputs, outputs: model.outputs, loadMs, lost: new Promise(() => undefined), infer, step: async () => infer(await source.next()), close: () => model.close() };
    },
    rssBytes: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  };
}
