import { setTimeout as delay } from "node:timers/promises";
import { withSql, withTx, type Db } from "@flotilla/db";
import { createDataset, createDatasetVersion, createTraining, createUpload, directoryStore, finishUpload, getDatasetVersion, getTraining, type TrainingView } from "@flotilla/fleet";
import { waitFor, type Fault, type FaultContext, type FaultRow } from "./fault.ts";
import { childrenOf, killTree } from "./process-tree.ts";
import type { Program } from "./programs.ts";
import { operator } from "./rollout-world.ts";
import type { Seeded } from "./seeded.ts";

const KILLS = 3;
/** More than pass between one kill and the next, also where the child is many epochs ahead of what the worker has kept. */
const EPOCHS_PER_KILL = 16;
/** And as many more: on a machine with much else to do the only kill came when all epochs were done. */
const EPOCHS_SPARE = 48;
const MOST_EPOCHS_BETWEEN = 3;
const MOST_MS_BETWEEN = 150;
const ROWS = 4_000;
const LEASE_MS = 2_000;
const SPEED = "examples/s";
const PATIENCE_MS = 120_000;

/** kill -9 of the child that trains, by turns with the worker (the whole program) above it. What comes of it is compared with an undisturbed run. */
export const trainingFault: Fault = {
  name: "training",
  async run(context) {
    const { db, url } = await context.server.fresh("trainings");
    await watchPoints(db);
    const kills = Math.ceil(KILLS * context.scale);
    let worker = startWorker(context, url);
    const datasetVersionId = await table(db, context);
    const begin = (): Promise<TrainingView> => withTx(db, (tx) => createTraining(tx, operator, {
      datasetVersionId, template: { id: "mlp", preset: "medium" }, modelName: "clouds", recipe: { batchSize: 16, budget: { epochs: kills * EPOCHS_PER_KILL + EPOCHS_SPARE, minutes: null }, patienceEpochs: null },
    }));
    const harassed = await begin();
    const keptAtKill: number[] = [];
    for (let now = await underWay(db, harassed, 0, context.random); now !== null; now = keptAtKill.length < kills ? await underWay(db, harassed, now.attempt, context.random) : null) {
      const [child] = childrenOf(worker.pid);
      if (child === undefined) continue;
      const isOfWorker = keptAtKill.length % 2 === 1;
      killTree(isOfWorker ? worker.pid : child);
      keptAtKill.push((now.epoch ?? 0) * (now.stepsPerEpoch ?? 0));
      if (isOfWorker) {
        await worker.exited;
        worker = startWorker(context, url);
      }
      context.log(`${keptAtKill.length} of ${kills} killed`);
    }
    const disturbed = await outcomeOf(db, harassed, kills);
    const undisturbed = await outcomeOf(db, await begin(), kills);
    const rewritten = await withSql(db, (sql) => sql.query<Rewritten>("select name, step from fault_rewritten"));
    await worker.kill();
    await db.close();
    return [rowOf(disturbed, undisturbed, { kills, keptAtKill, rewritten })];
  },
};

function startWorker(context: FaultContext, databaseUrl: string): Program {
  return context.programs.start("apps/worker/src/main.ts", { env: { DATABASE_URL: databaseUrl, ARTIFACT_STORE: `${context.dir}/store`, WORKER_CONCURRENCY: "1", JOB_LEASE_MS: String(LEASE_MS), MEASURE_BUDGET_MS: "100" } });
}

/**
 * Lets the database itself watch what is said of a step of which something else was said already. Carried along by a checkpoint and written once more, a point stays what it was; computed
 * again, all do but speeds, which a clock decides: they tell which epochs were.
 */
async function watchPoints(db: Db): Promise<void> {
  await withSql(db, async (sql) => {
    await sql.query("create table fault_rewritten (name text, step int)");
    await sql.query("create function fault_note_rewritten() returns trigger language plpgsql as $$ begin insert into fault_rewritten values (new.name, new.step); return null; end $$");
    await sql.query("create trigger fault_note_rewritten after update on job_metric for each row when (new.value <> old.value) execute function fault_note_rewritten()");
  });
}

/** Two clouds of points, as a dataset version that the worker has read. */
async function table(db: Db, { dir, random }: FaultContext): Promise<string> {
  const rows = Array.from({ length: ROWS }, (_, n) => [...[0, 1].map(() => ((n % 2) + 1.6 * random.uniform()).toFixed(3)), n % 2 === 0 ? "near" : "far"].join(","));
  const ref = await directoryStore(`${dir}/store`).put(new TextEncoder().encode(["x,y,class", ...rows].join("\n")));
  const { id } = await withTx(db, async (tx) => {
    const { uploadId } = await createUpload(tx, operator, { filename: "clouds.csv", ...ref });
    await finishUpload(tx, uploadId);
    const dataset = await createDataset(tx, operator, { name: "clouds" });
    return createDatasetVersion(tx, operator, { datasetId: dataset.id, files: [{ uploadId }], options: { fractions: { train: 0.8, calibration: 0, validation: 0.2, test: 0 } } });
  });
  const isReady = await waitFor(async () => (await getDatasetVersion(db.prisma, operator, id)).state === "ready", PATIENCE_MS);
  if (isReady === null) throw new Error("the dataset was not read");
  return id;
}

/** Without a transaction, as pages read it. */
const look = (db: Db, { id }: TrainingView): Promise<TrainingView> => getTraining(db.prisma, operator, id);
const hasEnded = ({ state }: TrainingView): boolean => state !== "queued" && state !== "running";

/** Waits until an attempt behind the given one has come some epochs further, and a little more: in the middle of one, most of the time. Answers where it stands then; null when it has ended. */
async function underWay(db: Db, training: TrainingView, last: number, random: Seeded): Promise<TrainingView | null> {
  const reaches = (isThere: (now: TrainingView) => boolean): Promise<TrainingView | null> => waitFor(async () => {
    const now = await look(db, training);
    return isThere(now) || hasEnded(now) ? now : null;
  }, PATIENCE_MS, 20);
  const begun = await reaches(({ state, attempt }) => state === "running" && attempt > last);
  const beyond = (begun?.epoch ?? 0) + random.between(1, MOST_EPOCHS_BETWEEN);
  await reaches(({ epoch }) => (epoch ?? 0) >= beyond);
  await delay(random.between(0, MOST_MS_BETWEEN));
  const now = await look(db, training);
  return hasEnded(now) ? null : now;
}

type Rewritten = { name: string; step: number };
type Outcome = { view: TrainingView | null; /** By name and step, but for speeds, which a clock decides. */ points: Map<string, number>; model: string };

async function outcomeOf(db: Db, training: TrainingView, kills: number): Promise<Outcome> {
  const view = await waitFor(async () => {
    const now = await look(db, training);
    return hasEnded(now) ? now : null;
  }, PATIENCE_MS * kills);
  const points = await withSql(db, (sql) => sql.query<{ point: string; value: number }>("select name || ' ' || step as point, value from job_metric where job_id = $1 and name <> $2", [training.jobId, SPEED]));
  const files = await db.prisma.versionFile.findMany({ where: { versionId: view?.result?.versionId ?? "" } });
  return { view, points: new Map(points.map(({ point, value }) => [point, value])), model: files.map(({ sha256 }) => sha256).join() };
}

function rowOf(disturbed: Outcome, undisturbed: Outcome, { kills, keptAtKill, rewritten }: { kills: number; keptAtKill: readonly number[]; rewritten: readonly Rewritten[] }): FaultRow {
  const attempts = disturbed.view?.attempt ?? 0;
  const again = rewritten.filter(({ name }) => name === SPEED);
  const [theirs, ours] = [undisturbed.points, disturbed.points];
  const both = [...theirs.keys()].filter((point) => ours.has(point));
  const different = both.filter((point) => ours.get(point) !== theirs.get(point)).length;
  return {
    what: "kill -9 of the child that trains, by turns with its worker: the curve and the model of an undisturbed run",
    tried: keptAtKill.length,
    atLeast: kills,
    lost: theirs.size - both.length,
    // Epochs whose checkpoint was not kept yet are computed again; what was kept at the first kill never is.
    duplicate: ours.size - both.length + again.filter(({ step }) => step <= (keptAtKill[0] ?? 0)).length,
    torn: different + rewritten.length - again.length + (disturbed.model === undisturbed.model ? 0 : 1),
    stuck: [disturbed, undisturbed].filter(({ view }) => view?.state !== "succeeded").length + (attempts > keptAtKill.length ? 0 : 1),
    facts: [`${both.length - different} of ${theirs.size} points are those of an undisturbed run after ${attempts} attempts; ${again.length} epochs were computed again`],
  };
}
