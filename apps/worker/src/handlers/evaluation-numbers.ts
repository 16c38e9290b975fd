import { shareOf, type DatasetSummary, type EvaluationNumbers, type NewEvaluation, type Split } from "@flotilla/fleet";
import type { Recorded } from "../examples/outcome-recorder.ts";

/** What a child recorded, as it is kept: with names of classes and intervals. */
export function evaluationOf(recorded: Recorded, datasetVersionId: string, split: Split, summary: DatasetSummary): Omit<NewEvaluation, "versionId" | "jobId"> {
  const { n, labelled, correct, correctTop5, classes, confusions, predictedBase64, correctBase64 } = recorded;
  const of = n === summary.counts[split] ? "all" : `${n.toLocaleString("en-US")} evenly spread`;
  const numbers: EvaluationNumbers = {
    split,
    n,
    top1: shareOf(correct, labelled),
    top5: summary.classes.length > 5 ? shareOf(correctTop5, labelled) : null,
    classes: classes.map((entry) => ({ ...entry, name: summary.classes[entry.index] ?? String(entry.index) })),
    confusions,
    method: `${of} examples of ${split}, one at a time, on the worker's CPU`,
  };
  const outcomes = predictedBase64 === null || correctBase64 === null ? null : { predicted: Buffer.from(predictedBase64, "base64"), correct: Buffer.from(correctBase64, "base64"), n };
  return { datasetVersionId, numbers, outcomes };
}
