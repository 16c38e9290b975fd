import { setTimeout as delay } from "node:timers/promises";
import { withSql, withTx, type Db } from "@flotilla/db";
import { getRollout, type RolloutView } from "@flotilla/fleet";
import { waitFor, type Fault, type FaultContext, type FaultRow } from "./fault.ts";
import { startGateway, urlOf } from "./gateway-program.ts";
import type { Program } from "./programs.ts";
import type { ProtocolDevice } from "./protocol-device.ts";
import { addBuild, addCrew, checkRollouts, operator, startedRollout, watchRollouts } from "./rollout-world.ts";

const DEVICES = 120;
const SILENT_DEVICES = 10;
const KILLS = 32;
const WORKERS = 2;
const MAX_IN_FLIGHT = 24;
const WAVES = [{ percent: 5, soakSeconds: 0 }, { percent: 30, soakSeconds: 1 }, { percent: 100, soakSeconds: 0 }];
/** Of the build that fails everywhere: percent of the fleet in its first wave, percent of that wave that may fail. */
const HALF = 50;
const FAILURE_LIMIT = 10;
const MINUTE_MS = 60_000;
/** While nothing is to be evaluated, a kill comes so seldom. */
const NO_NEWS_MS = 3_000;

/** kill -9 of the workers that evaluate, in the middle of waves over a protocol-level fleet on a real gateway. */
export const evaluatorFault: Fault = {
  name: "evaluator",
  async run(context) {
    const { db, url } = await context.server.fresh("evaluator");
    await watchRollouts(db);
    const server = await urlOf(startGateway(context, url));
    const builds = { good: [await addBuild(db, "good 1"), await addBuild(db, "good 2")] as const, bad: await addBuild(db, "bad"), quiet: await addBuild(db, "quiet") };
    const crew = await addCrew(db, server, "many", DEVICES, (buildId) => (buildId === builds.bad ? "fail" : "succeed"));
    const quiet = await addCrew(db, server, "quiet", SILENT_DEVICES, () => "fall_silent");
    const stop = new AbortController();
    const living = [...crew.devices, ...quiet.devices].map((device) => device.run(stop.signal));
    const killer = killEvaluators(context, url, db);

    const converged = await rollUntil(context, db, crew, builds.good, () => killer.kills() >= Math.ceil(KILLS * context.scale));
    const halted = await breakLimit(db, crew.fleetId, builds.bad);
    const silence = await fallSilent(db, quiet.fleetId, builds.quiet);
    await killer.stop();
    stop.abort();
    await Promise.all(living);
    const found = await checkRollouts(db, MAX_IN_FLIGHT);
    await db.close();
    const crashes: FaultRow = {
      what: `kill -9 of the evaluating worker (the whole program), mid-wave, ${DEVICES} devices on a real gateway, ${converged.rollouts} rollouts`,
      tried: killer.kills(),
      atLeast: Math.ceil(KILLS * context.scale),
      lost: converged.notRunning,
      duplicate: found.repeatedTargets,
      torn: converged.miscounted + found.earlyOffers + found.overLimit,
      stuck: converged.stuck,
      facts: [`at most ${found.mostInFlight} devices were in flight, ${MAX_IN_FLIGHT} allowed; no wave opened before the one ahead of it had passed; ${found.withoutDeadline} begun deployments without a deadline`],
    };
    return [crashes, halted, { ...silence, torn: found.withoutDeadline }];
  },
};

/** Workers that are killed and replaced, each time after something was evaluated since the last kill. */
function killEvaluators(context: FaultContext, databaseUrl: string, db: Db): { kills: () => number; stop(): Promise<void> } {
  let kills = 0;
  let isOver = false;
  const start = (): Program =>
    context.programs.start("apps/worker/src/main.ts", { env: { DATABASE_URL: databaseUrl, ARTIFACT_STORE: `${context.dir}/store`, ROLLOUT_TICK_MS: "100", LOG_LEVEL: "info" } });
  const workers = Array.from({ length: WORKERS }, start);
  const killing = (async () => {
    for (let before = await evaluated(db); !isOver; before = await evaluated(db)) {
      await waitFor(async () => isOver || (await evaluated(db)) > before, NO_NEWS_MS, 20);
      await delay(context.random.between(0, 400));
      const place = context.random.between(0, WORKERS - 1);
      const worker = workers[place];
      // One that can evaluate is left: where none ever lives long enough, a rollout stands still by the harness's doing.
      if (worker === undefined || workers.some((other) => !other.isReady())) continue;
      await worker.kill();
      kills += 1;
      workers[place] = start();
      if (kills % 10 === 0) context.log(`${kills} evaluators killed`);
    }
  })();
  return {
    kills: () => kills,
    async stop() {
      isOver = true;
      await killing;
      await Promise.all(workers.map((worker) => worker.kill()));
    },
  };
}

/** Rises with everything that an evaluator writes. */
async function evaluated(db: Db): Promise<number> {
  const [row] = await withSql(db, (sql) => sql.query<{ n: bigint }>("select (select count(*) from fault_target) + (select count(*) from rollout_event) + (select count(*) from deployment) as n"));
  return Number(row?.n ?? 0);
}

type Converged = { rollouts: number; notRunning: number; miscounted: number; stuck: number };

/** One rollout after the other, to and fro between two builds, until enough was killed. */
async function rollUntil(context: FaultContext, db: Db, crew: { devices: readonly ProtocolDevice[]; fleetId: string }, builds: readonly [string, string], isEnough: () => boolean): Promise<Converged> {
  const result: Converged = { rollouts: 0, notRunning: 0, miscounted: 0, stuck: 0 };
  do {
    const buildId = builds[result.rollouts % 2 === 0 ? 0 : 1];
    const { id } = await startedRollout(db, { buildId, fleetId: crew.fleetId, waves: WAVES, policy: { maxInFlight: MAX_IN_FLIGHT } });
    const done = await waitFor(async () => inState(await viewOf(db, id), "completed"), 3 * MINUTE_MS, 100);
    result.rollouts += 1;
    const view = await viewOf(db, id);
    if (done === null) {
      result.stuck += 1;
      context.log(`a rollout did not converge: ${view.state}, ${JSON.stringify(view.counts)}`);
      return result;
    }
    const { unreachable: _unreachable, total, resolved: _resolved, ...states } = view.counts;
    if (total !== DEVICES || Object.values(states).reduce((a, b) => a + b) !== total || view.counts.succeeded !== DEVICES) result.miscounted += 1;
    result.notRunning += crew.devices.filter((device) => device.runningBuildId !== buildId).length;
    context.log(`rollout ${result.rollouts} is complete`);
  } while (!isEnough());
  return result;
}

/** A build that fails everywhere: the rollout halts at the next evaluation after the limit is broken, and offers nothing more. */
async function breakLimit(db: Db, fleetId: string, buildId: string): Promise<FaultRow> {
  const waves = [{ percent: HALF, soakSeconds: 0, maxFailurePercent: FAILURE_LIMIT }, { percent: 100, soakSeconds: 0 }];
  const view = await startedRollout(db, { buildId, fleetId, waves, policy: { maxInFlight: MAX_IN_FLIGHT } });
  const { id } = view;
  const isHalted = (await waitFor(async () => inState(await viewOf(db, id), "halted"), MINUTE_MS, 50)) !== null;
  // All fail: the limit is broken as soon as a share may be judged, or by the failure that no success could make up for.
  const breaking = Math.min(view.policy.minSample, Math.floor((DEVICES * HALF * FAILURE_LIMIT) / 10_000) + 1);
  const [times] = await withSql(db, (sql) => sql.query<{ breach: Date | null; halted: Date | null }>(
    `select (select finished_at from deployment where rollout_id = $1 and state in ('failed', 'rolled_back', 'timed_out') order by finished_at offset $2 limit 1) as breach,
            (select min(at) from rollout_event where rollout_id = $1 and kind = 'halt') as halted`, [id, breaking - 1]));
  const [late] = await withSql(db, (sql) => sql.query<{ evaluations: bigint; after_halt: bigint }>(
    `select count(distinct offered_at) filter (where offered_at > $2::timestamptz) as evaluations, count(*) filter (where offered_at > $3::timestamptz) as after_halt
       from deployment where rollout_id = $1`, [id, times?.breach ?? null, times?.halted ?? null]));
  const evaluations = Number(late?.evaluations ?? 0);
  // A halt is dated by the beginning of its evaluation, which may see a failure of the moment after.
  const seconds = times?.breach && times.halted ? Math.max(times.halted.getTime() - times.breach.getTime(), 0) / 1000 : Number.NaN;
  return {
    what: "a build that fails everywhere: halt within one evaluation after the limit is broken, while evaluators die",
    tried: 1, atLeast: 1, lost: 0,
    duplicate: Math.max(evaluations - 1, 0),
    torn: Number(late?.after_halt ?? 0),
    stuck: isHalted ? 0 : 1,
    facts: [`the limit was broken by failure ${breaking}; halted ${seconds.toFixed(1)} s after it, ${evaluations} evaluation(s) offered anything after it`],
  };
}

/** Every device is handed the build and is never heard of again. */
async function fallSilent(db: Db, fleetId: string, buildId: string): Promise<FaultRow> {
  const { id } = await startedRollout(db, { buildId, fleetId, waves: [{ percent: 50, soakSeconds: 0 }, { percent: 100, soakSeconds: 0 }], policy: { offlineAfterMs: 2_000 } });
  const startedMs = performance.now();
  const isHalted = (await waitFor(async () => inState(await viewOf(db, id), "halted"), MINUTE_MS, 50)) !== null;
  const view = await viewOf(db, id);
  return {
    what: "a fleet that takes the build and falls silent halts the rollout",
    tried: 1, atLeast: 1, lost: 0, duplicate: 0, torn: 0,
    stuck: isHalted ? 0 : 1,
    facts: [`halted ${((performance.now() - startedMs) / 1000).toFixed(1)} s after the start (a device is unreachable after 2 s here): "${view.cause?.sentence ?? view.verdict}"`],
  };
}

async function viewOf(db: Db, id: string): Promise<RolloutView> {
  return withTx(db, (tx) => getRollout(tx, operator, { id }));
}

function inState(view: RolloutView, state: RolloutView["state"]): boolean {
  return view.state === state;
}
