import type { Preprocessing, TrainingOutcome } from "@flotilla/fleet";
import { openModel, sandboxMain } from "@flotilla/runtime";
import { AnswerJudge } from "../examples/answer-judge.ts";
import { openExamples } from "../examples/dataset-examples.ts";
import { pictured } from "../examples/pictured.ts";

export type ValidateInput = { modelPath: string; datasetPath: string; preprocessing: Preprocessing };
export type ValidateOutput = { validation: TrainingOutcome["validation"] };

sandboxMain<ValidateInput, ValidateOutput>(async ({ modelPath, datasetPath, preprocessing }) => {
  const model = await openModel(modelPath);
  const examples = await openExamples({ datasetPath, split: "validation", limit: null, preprocessing, inputs: model.inputs });
  const judge = new AnswerJudge(preprocessing.output);
  for (let index = 0; index < examples.count; index += 1) {
    const { feeds, label } = await examples.read(index);
    judge.add(index, label, await model.run(feeds));
  }
  await examples.close();
  await model.close();
  const judged = judge.result();
  return { validation: judged === null ? null : { ...judged, worst: await pictured(judged.worst, datasetPath) } };
});
