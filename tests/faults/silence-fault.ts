import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { withSql, type Db } from "@flotilla/db";
import { startDatabaseProxy, type DatabaseProxy } from "@flotilla/db/setup";
import { waitFor, type Fault, type FaultContext } from "./fault.ts";
import { startGateway, urlOf } from "./gateway-program.ts";
import { enrolmentToken, missingAcks, startLedgerClients, type LedgerClients } from "./ledger-clients.ts";
import { checkLedgers } from "./ledger-oracle.ts";
import { startCrew, type Crew } from "./worker-crew.ts";
import { addJobs, checkJobs, createFaultTables, unfinished, untilFinished } from "./worker-jobs.ts";

const SILENCES = 5;
const DEVICES = 6;
const SAMPLES = 20;
const LEASE_MS = 2_000;
/** When gateway and worker behind the silent network give a connection up. */
const SILENCE_MS = 1_500;
const DARK_MS = [2_500, 5_000] as const;
/** For the others to go on in the dark, and for those behind it to be back afterwards. */
const GOES_ON_WITHIN_MS = 30_000;

/** A gateway and a worker whose network to the database swallows everything, again and again, beside a gateway and a worker with a good one. */
export const silenceFault: Fault = {
  name: "silence",
  async run(context) {
    const { db, url } = await context.server.fresh("silence");
    await createFaultTables(db);
    const proxy = await startDatabaseProxy(url);
    const token = await enrolmentToken(db);
    const side = async (name: string, databaseUrl: string): Promise<Side> => {
      const server = await urlOf(startGateway(context, databaseUrl, { DATABASE_SILENCE_MS: String(SILENCE_MS) }));
      const clients = startLedgerClients({ ...context, dir: join(context.dir, name) }, { server, token, devices: DEVICES, windows: 1, samples: SAMPLES, everyMs: 150, name });
      return { clients, crew: startCrew(context, { databaseUrl, processes: 1, workersInEach: 1, concurrency: 2, leaseMs: LEASE_MS, env: { DATABASE_SILENCE_MS: String(SILENCE_MS) } }) };
    };
    const sides = { dark: await side("dark", proxy.url), bright: await side("bright", url) };
    const found = await darken(context, db, proxy, sides);
    const ledgers = (await Promise.all([sides.dark, sides.bright].map(({ clients }) => clients.finish(60_000)))).flat();
    await untilFinished(db);
    await Promise.all([sides.dark, sides.bright].map(({ crew }) => crew.stop()));
    const isComplete = ledgers.every((ledger) => ledger !== null);
    const check = await checkLedgers(db, ledgers.filter((ledger) => ledger !== null), SAMPLES);
    const jobs = await checkJobs(db);
    const forgotten = (await missingAcks(db, sides.dark.clients.acked)) + (await missingAcks(db, sides.bright.clients.acked));
    await proxy.close();
    await db.close();
    return [{
      what: `the network between the database and one gateway and worker of two swallows everything (half-open connections, which stay so until the next time)`,
      tried: found.silences,
      atLeast: Math.ceil(SILENCES * context.scale),
      lost: check.lost + jobs.lost + forgotten,
      duplicate: check.duplicate + jobs.duplicate,
      torn: check.torn + check.declaredDropped + jobs.torn,
      stuck: found.othersStopped + found.notBack + jobs.stuck + (isComplete ? 0 : 1),
      facts: [
        `while it was dark the other gateway acknowledged ${found.acksInTheDark} syncs and the other worker ended ${found.effectsInTheDark} jobs; both behind it were back within ${Math.max(...found.backSeconds).toFixed(1)} s at most (silence limit ${SILENCE_MS / 1000} s); ${jobs.done} jobs took effect once`,
      ],
    }];
  },
};

type Side = { readonly clients: LedgerClients; readonly crew: Crew };
type Found = { silences: number; othersStopped: number; notBack: number; acksInTheDark: number; effectsInTheDark: number; backSeconds: number[] };

async function darken(context: FaultContext, db: Db, proxy: DatabaseProxy, { dark, bright }: { dark: Side; bright: Side }): Promise<Found> {
  const found: Found = { silences: 0, othersStopped: 0, notBack: 0, acksInTheDark: 0, effectsInTheDark: 0, backSeconds: [] };
  const effectsOf = async ({ crew }: Side): Promise<number> =>
    Number((await withSql(db, (sql) => sql.query<{ n: bigint }>("select count(*) as n from fault_effect where worker = any($1::text[])", [crew.workers()])))[0]?.n ?? 0);
  /** Resolves when syncs are acknowledged and jobs end on this side; false when they do not. */
  const goesOn = async (side: Side): Promise<boolean> => {
    const [acks, effects] = [side.clients.acks(), await effectsOf(side)];
    return (await waitFor(async () => {
      if ((await unfinished(db)) < 20) await addJobs(db, Array.from({ length: 30 }, () => `work:${context.random.between(50, 600)}`));
      return side.clients.acks() > acks + DEVICES && (await effectsOf(side)) > effects;
    }, GOES_ON_WITHIN_MS, 50)) !== null;
  };
  if (!(await goesOn(dark))) found.notBack += 1;
  while (found.silences < Math.ceil(SILENCES * context.scale)) {
    await delay(context.random.between(0, 300));
    const [acks, effects] = [bright.clients.acks(), await effectsOf(bright)];
    proxy.hush();
    const [isOthersAtWork] = await Promise.all([goesOn(bright), delay(context.random.between(...DARK_MS))]);
    if (!isOthersAtWork) found.othersStopped += 1;
    found.acksInTheDark += bright.clients.acks() - acks;
    found.effectsInTheDark += (await effectsOf(bright)) - effects;
    proxy.heal();
    const healedAtMs = performance.now();
    if (!(await goesOn(dark))) found.notBack += 1;
    found.backSeconds.push((performance.now() - healedAtMs) / 1000);
    found.silences += 1;
  }
  return found;
}
