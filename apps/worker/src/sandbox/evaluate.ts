import type { Preprocessing, Split } from "@flotilla/fleet";
import { openModel, sandboxMain } from "@flotilla/runtime";
import { openExamples } from "../examples/dataset-examples.ts";
import { OutcomeRecorder, type Recorded } from "../examples/outcome-recorder.ts";

export type EvaluateInput = { modelPath: string; datasetPath: string; split: Split; limit: number | null; preprocessing: Preprocessing };
export type EvaluateStep = { done: number; total: number };
export type EvaluateOutput = Recorded;

/** A step is told after so much time. */
const TELL_EVERY_MS = 500;

sandboxMain<EvaluateInput, EvaluateOutput>(async ({ modelPath, datasetPath, split, limit, preprocessing }, { progress }) => {
  const model = await openModel(modelPath);
  const examples = await openExamples({ datasetPath, split, limit, preprocessing, inputs: model.inputs });
  const recorder = new OutcomeRecorder(examples.count, preprocessing.output);
  let toldAtMs = performance.now();
  for (let index = 0; index < examples.count; index += 1) {
    const { feeds, label } = await examples.read(index);
    recorder.add(label, await model.run(feeds));
    if (performance.now() - toldAtMs < TELL_EVERY_MS) continue;
    toldAtMs = performance.now();
    progress({ done: index + 1, total: examples.count } satisfies EvaluateStep);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  await examples.close();
  await model.close();
  return recorder.result();
});
