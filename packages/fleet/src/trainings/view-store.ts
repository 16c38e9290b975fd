import { sqlOf, type Training, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames } from "../access/actor-names-store.ts";
import type { JobStateName, JobView } from "../jobs/types.ts";
import { getJob } from "../jobs/view-store.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, systemPrincipal, type Principal } from "../principal.ts";
import type { TrainingRecipe } from "./recipe.ts";
import type { TrainingOutcome, TrainingProgress, TrainingStart, TrainingView } from "./types.ts";

const MINUTE_MS = 60_000;

/** Trainings, newest first. */
export async function listTrainings(tx: Tx, principal: Principal, input: PageInput & { state?: JobStateName | undefined; datasetId?: string | undefined } = {}): Promise<Page<TrainingView>> {
  requireRole(principal, "models", "viewer");
  const limit = pageSize(input);
  const found = await sqlOf(tx).query<Found>(
    `select t.id, t.job_id as "jobId" from training t join job j on j.id = t.job_id join dataset_version v on v.id = t.dataset_version_id
      where ($1::text is null or t.id < $1) and ($2::text is null or j.state::text = $2) and ($3::text is null or v.dataset_id = $3)
      order by t.id desc limit $4`,
    [input.cursor ?? null, input.state ?? null, input.datasetId ?? null, limit + 1],
  );
  const views = new Map((await viewsOf(tx, found)).map((view) => [view.id, view]));
  return pageOf(found, limit, ({ id }) => id, ({ id }) => views.get(id) as TrainingView);
}

/** One training; `not_found` when there is none. */
export async function getTraining(tx: Tx, principal: Principal, id: string): Promise<TrainingView> {
  requireRole(principal, "models", "viewer");
  return trainingView(tx, id);
}

/** The same for functions of this area that have decided already that the principal may. */
export async function trainingView(tx: Tx, id: string): Promise<TrainingView> {
  const found = await tx.training.findUnique({ where: { id }, select: { id: true, jobId: true } });
  const [view] = found === null ? [] : await viewsOf(tx, [found]);
  if (view === undefined) throw new FleetError("not_found", { public: "There is no such training." });
  return view;
}

type DatasetRow = { id: string; dataset_id: string; name: string; number: number; classes: string[] };

type Found = Pick<Training, "id" | "jobId">;

/** Jobs are read before their trainings: where a job has ended, what its end wrote is seen, also when that happens meanwhile. */
async function viewsOf(tx: Tx, found: readonly Found[]): Promise<TrainingView[]> {
  const jobs = new Map<string, JobView>();
  for (const { id, jobId } of found) jobs.set(id, await getJob(tx, systemPrincipal("trainings"), jobId ?? ""));
  const rows = await tx.training.findMany({ where: { id: { in: found.map(({ id }) => id) } } });
  const sql = sqlOf(tx);
  const datasets = await sql.query<DatasetRow>(
    "select v.id, v.dataset_id, d.name, v.number, coalesce(v.summary -> 'classes', '[]'::jsonb) as classes from dataset_version v join dataset d on d.id = v.dataset_id where v.id = any($1::text[])",
    [rows.map((row) => row.datasetVersionId)],
  );
  const versions = await sql.query<{ id: string; number: number; model_id: string; name: string }>(
    "select v.id, v.number, v.model_id, m.name from model_version v join model m on m.id = v.model_id where v.id = any($1::text[])",
    [rows.flatMap((row) => [row.versionId, teacherIdOf(row)].filter((id) => id !== null))],
  );
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  const views: TrainingView[] = [];
  for (const row of rows) {
    const dataset = datasets.find(({ id }) => id === row.datasetVersionId);
    const job = jobs.get(row.id);
    if (job === undefined) continue;
    const version = versions.find(({ id }) => id === row.versionId);
    const teacher = versions.find(({ id }) => id === teacherIdOf(row));
    views.push({
      id: row.id, name: row.name, ...ofJob(job),
      stopRequested: row.stopRequestedAt !== null,
      datasetId: dataset?.dataset_id ?? "", datasetVersionId: row.datasetVersionId, datasetName: dataset?.name ?? "", datasetNumber: dataset?.number ?? 0,
      start: ofStart(row.start as TrainingStart), recipe: row.recipe as TrainingRecipe, recipeSha256: row.recipeSha256, codeVersion: row.codeVersion,
      teacher: teacher === undefined ? null : { versionId: teacher.id, name: `${teacher.name} v${teacher.number}` },
      ...ofProgress(row, job),
      ...ofOutcome(row.outcome as TrainingOutcome | null, dataset?.classes ?? []),
      result: version === undefined ? null : { modelId: version.model_id, modelName: version.name, versionId: version.id, number: version.number },
      createdAt: row.createdAt.toISOString(), createdByName: names.get(row.createdById) ?? row.createdById, startedAt: job.startedAt, finishedAt: row.finishedAt?.toISOString() ?? job.finishedAt,
    });
  }
  return views;
}

function teacherIdOf({ recipe }: Training): string | null {
  return (recipe as TrainingRecipe).distillation?.teacherVersionId ?? null;
}

function ofJob({ id, state, attempt, cause, causeCode, cancelRequested, queuedBefore, progress }: JobView) {
  return { jobId: id, state, attempt, cause, causeCode, cancelRequested, queuedBefore, progress };
}

function ofStart(start: TrainingStart): TrainingView["start"] {
  if (start.kind === "outside") return start;
  return start.kind === "template" ? { kind: start.kind, template: start.template, preset: start.preset, title: start.title } : { kind: start.kind, versionId: start.versionId, name: start.name };
}

/** How far it is, by its newest checkpoint; the time left is what the same speed would take. */
function ofProgress(row: Training, job: JobView): Pick<TrainingView, "epoch" | "stepsPerEpoch" | "ranMs" | "leftMs" | "best"> {
  const reached = row.reached as TrainingProgress | null;
  const outcome = row.outcome as TrainingOutcome | null;
  if (outcome !== null) return { epoch: outcome.epochs, stepsPerEpoch: reached?.stepsPerEpoch ?? null, ranMs: outcome.ranMs, leftMs: null, best: outcome.best };
  if (reached === null) return { epoch: null, stepsPerEpoch: null, ranMs: null, leftMs: null, best: null };
  const { epochs, minutes } = (row.recipe as TrainingRecipe).budget;
  const byEpochs = epochs === null || reached.epoch === 0 ? Number.POSITIVE_INFINITY : (reached.ranMs / reached.epoch) * (epochs - reached.epoch);
  const byTime = minutes === null ? Number.POSITIVE_INFINITY : minutes * MINUTE_MS - reached.ranMs;
  const leftMs = Math.max(0, Math.min(byEpochs, byTime));
  return { epoch: reached.epoch, stepsPerEpoch: reached.stepsPerEpoch, ranMs: reached.ranMs, leftMs: job.state === "running" && Number.isFinite(leftMs) ? leftMs : null, best: reached.best };
}

function ofOutcome(outcome: TrainingOutcome | null, classes: readonly string[]): Pick<TrainingView, "stoppedBy" | "confusion" | "worst"> {
  const validation = outcome?.validation ?? null;
  const called = (index: number | null): string => (index === null ? "" : (classes[index] ?? String(index)));
  const isOfClasses = validation?.confusion != null;
  return {
    stoppedBy: outcome?.stoppedBy ?? null,
    confusion: validation?.confusion == null ? null : { split: "validation", classes: validation.confusion.map((_, i) => called(i)), counts: validation.confusion },
    worst: (validation?.worst ?? []).map(({ index, label, answer, confidence, loss, image }) => ({ index, truth: isOfClasses ? called(label) : String(label ?? ""), answer: isOfClasses ? called(answer) : answer.toPrecision(4), confidence, loss, image })),
  };
}
