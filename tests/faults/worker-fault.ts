import { setTimeout as delay } from "node:timers/promises";
import type { Fault, FaultContext, FaultRow } from "./fault.ts";
import { addJobs, checkJobs, createFaultTables, rerunSeconds, unfinished, untilFinished } from "./worker-jobs.ts";
import { startCrew, type Crew } from "./worker-crew.ts";

const PROCESSES = 4;
/** A start costs most of a second of CPU: workers share it. What is killed is the process, and with it each worker in it. */
const WORKERS_IN_EACH = 2;
const CONCURRENCY = 2;
const LEASE_MS = 2_000;
const KILLS = 152;
const FREEZES = 6;
const KILLER_JOBS = 4;
const JOBS = 150;
const REFILL_EVERY_MS = 500;
/** A frozen worker stays away until its lease is over, the reaper has come by and somebody else has begun. */
const FREEZE_MS = LEASE_MS + 2_500;

/** kill -9 of workers at work, workers that hang and come back, and jobs that kill whoever takes them. */
export const workerFault: Fault = {
  name: "worker",
  async run(context) {
    const { db, url } = await context.server.fresh("workers");
    await createFaultTables(db);
    const order = (): string => `work:${context.random.between(50, 900)}`;
    await addJobs(db, Array.from({ length: Math.ceil(JOBS * context.scale) }, order));
    await addJobs(db, Array.from({ length: Math.ceil(KILLER_JOBS * context.scale) }, () => "kill"));
    const crew = startCrew(context, { databaseUrl: url, processes: PROCESSES, workersInEach: WORKERS_IN_EACH, concurrency: CONCURRENCY, leaseMs: LEASE_MS });
    const harassed = new AbortController();
    // Without jobs nobody is at work, and only who is at work is killed or frozen.
    const [kills] = await Promise.all([harass(context, crew).finally(() => harassed.abort()), keepFilled(harassed.signal, async () => {
      if ((await unfinished(db)) < 60) await addJobs(db, Array.from({ length: 60 }, order));
    })]);
    const freezes = kills.freezes;
    await untilFinished(db);
    await crew.stop();
    const check = await checkJobs(db);
    const rerun = await rerunSeconds(db, kills.made);
    await db.close();
    const row: FaultRow = {
      what: `workers killed: kill -9 of ${kills.processes} processes of ${WORKERS_IN_EACH} slim workers (the product's queue, lease, fence and reaper) under ${check.jobs} jobs`,
      tried: kills.made.length,
      atLeast: Math.ceil(KILLS * context.scale),
      lost: check.lost,
      duplicate: check.duplicate,
      torn: check.torn,
      stuck: check.stuck + check.wronglyEnded,
      facts: [
        `${check.done} jobs took effect once; ${check.quarantined} of ${Math.ceil(KILLER_JOBS * context.scale)} jobs that kill their worker are in quarantine after 3 attempts (${crew.otherDeaths()} workers died of them)`,
        `${rerun.hit} attempts were cut off by a kill and begun again after ${rerun.median.toFixed(1)} s (middle), at most ${rerun.max.toFixed(1)} s, with a lease of ${LEASE_MS / 1000} s`,
      ],
    };
    const fence: FaultRow = {
      what: "a worker hangs past its lease (SIGSTOP) and comes back: it writes nothing",
      tried: freezes,
      atLeast: Math.ceil(FREEZES * context.scale),
      lost: 0,
      duplicate: check.duplicate,
      torn: check.torn,
      // Without a refused end the fence was not put to the test.
      stuck: crew.staleEnds() > 0 ? 0 : 1,
      facts: [`${crew.staleEnds()} late ends were refused by the fence`],
    };
    return [row, fence];
  },
};

async function keepFilled(signal: AbortSignal, refill: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await refill();
    await delay(REFILL_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function harass(context: FaultContext, crew: Crew): Promise<{ made: { worker: string; at: Date }[]; freezes: number; processes: number }> {
  const made: { worker: string; at: Date }[] = [];
  const target = Math.ceil(KILLS * context.scale);
  let freezes = 0;
  let processes = 0;
  const freezing = (async () => {
    while (freezes < Math.ceil(FREEZES * context.scale)) {
      if (await crew.freezeOne(FREEZE_MS)) freezes += 1;
      else await delay(100);
    }
  })();
  while (made.length < target) {
    await delay(context.random.between(20, 400));
    const kill = crew.killOne();
    if (kill.length === 0) continue;
    made.push(...kill);
    processes += 1;
    if (processes % 20 === 0) context.log(`${made.length} of ${target} workers killed, ${freezes} frozen`);
  }
  await freezing;
  return { made, freezes, processes };
}
