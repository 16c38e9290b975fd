import { sqlOf, type Tx } from "@flotilla/db";
import { recordChange } from "../changes/index.ts";
import type { Split } from "../datasets/index.ts";
import type { EvaluationNumbers, EvaluationView } from "./types.ts";
import type { Outcomes } from "./paired-difference.ts";

export type NewEvaluation = {
  versionId: string; datasetVersionId: string; jobId: string; numbers: EvaluationNumbers;
  /** Null when the examples have no labels. */
  outcomes: Outcomes | null;
};

/** Keeps what an evaluation found; a newer one of the same version and split takes the place of the older. */
export async function keepEvaluation(tx: Tx, { versionId, datasetVersionId, jobId, numbers, outcomes }: NewEvaluation): Promise<void> {
  const key = { versionId, datasetVersionId, split: numbers.split };
  const found = { jobId, numbers, predicted: outcomes === null ? null : new Uint8Array(outcomes.predicted), correct: outcomes === null ? null : new Uint8Array(outcomes.correct), at: new Date() };
  await tx.evaluation.upsert({ where: { versionId_datasetVersionId_split: key }, create: { ...key, ...found }, update: found });
  await recordChange(tx, "version", versionId);
}

/** The evaluations of these versions, newest first, without their outcomes. */
export async function evaluationsOf(tx: Tx, versionIds: readonly string[]): Promise<EvaluationView[]> {
  type Row = Omit<EvaluationView, "at"> & { at: Date };
  const rows = await sqlOf(tx).query<Row>(
    `select e.version_id as "versionId", e.dataset_version_id as "datasetVersionId", v.dataset_id as "datasetId", d.name as "datasetName",
            v.number as "datasetNumber", e.job_id as "jobId", e.at, e.numbers
     from evaluation e join dataset_version v on v.id = e.dataset_version_id join dataset d on d.id = v.dataset_id
     where e.version_id = any($1::text[]) order by e.at desc, e.dataset_version_id, e.split`,
    [[...versionIds]],
  );
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}

/** What these versions said about each example of a split, by version. */
export async function outcomesOf(tx: Tx, versionIds: readonly string[], datasetVersionId: string, split: Split): Promise<Map<string, Outcomes>> {
  const rows = await tx.evaluation.findMany({ where: { versionId: { in: [...versionIds] }, datasetVersionId, split } });
  return new Map(
    rows.flatMap(({ versionId, correct, predicted, numbers }) =>
      correct === null || predicted === null ? [] : [[versionId, { correct, predicted, n: (numbers as EvaluationNumbers).n }] as const],
    ),
  );
}
