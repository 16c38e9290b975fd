import { setTimeout as delay } from "node:timers/promises";
import { withSql, type Db } from "@flotilla/db";
import { waitFor, type Fault, type FaultContext } from "./fault.ts";
import { startGateway, urlOf } from "./gateway-program.ts";
import { enrolmentToken, missingAcks, startLedgerClients, type LedgerClients } from "./ledger-clients.ts";
import { checkLedgers } from "./ledger-oracle.ts";
import { addJobs, checkJobs, createFaultTables, unfinished, untilFinished } from "./worker-jobs.ts";
import { startCrew } from "./worker-crew.ts";

const KILLS = 16;
const DEVICES = 16;
const SAMPLES = 20;
const CREW = 2;
const LEASE_MS = 3_000;
/** All must be at work again so long after the server takes connections. */
const BACK_WITHIN_MS = 20_000;

/** kill -9 of the whole PostgreSQL tree while a gateway stores syncs and workers end jobs. */
export const postgresFault: Fault = {
  name: "postgres",
  async run(context) {
    const { db, url } = await context.server.fresh("postgres_kills");
    await createFaultTables(db);
    const gateway = startGateway(context, url);
    const clients = startLedgerClients(context, { server: await urlOf(gateway), token: await enrolmentToken(db), devices: DEVICES, windows: 1, samples: SAMPLES, everyMs: 60 });
    const crew = startCrew(context, { databaseUrl: url, processes: 1, workersInEach: CREW, concurrency: 4, leaseMs: LEASE_MS });
    const kills = await killServer(context, db, clients);
    const ledgers = await clients.finish(60_000);
    await untilFinished(db);
    await crew.stop();
    const check = ledgers === null ? null : await checkLedgers(db, ledgers, SAMPLES);
    const jobs = await checkJobs(db);
    await gateway.kill();
    await db.close();
    return [{
      what: `kill -9 of the whole PostgreSQL tree under syncs of ${DEVICES} devices and jobs of ${CREW} slim workers`,
      tried: kills.made,
      atLeast: Math.ceil(KILLS * context.scale),
      lost: kills.lostAcks + (check?.lost ?? 0) + jobs.lost,
      duplicate: (check?.duplicate ?? 0) + jobs.duplicate,
      torn: (check?.torn ?? 0) + (check?.declaredDropped ?? 0) + jobs.torn,
      stuck: kills.notBack + jobs.stuck + (ledgers === null ? 1 : 0) + crew.otherDeaths(),
      facts: [
        `${kills.processes} PostgreSQL processes killed; ${clients.acks()} acknowledged syncs, each looked for after each kill; ${check?.samples ?? 0} samples in ${check?.windows ?? 0} windows: stored = produced`,
        `after the server was back, syncs and jobs both went on within ${Math.max(...kills.backSeconds).toFixed(1)} s at most; ${jobs.done} jobs took effect once`,
      ],
    }];
  },
};

type Kills = { made: number; processes: number; lostAcks: number; notBack: number; backSeconds: number[] };

async function killServer(context: FaultContext, db: Db, clients: LedgerClients): Promise<Kills> {
  const kills: Kills = { made: 0, processes: 0, lostAcks: 0, notBack: 0, backSeconds: [] };
  const target = Math.ceil(KILLS * context.scale);
  const effects = async (): Promise<number> => Number((await withSql(db, (sql) => sql.query<{ n: bigint }>("select count(*) as n from fault_effect")))[0]?.n ?? 0);
  const isAtWork = async (acksBefore: number, effectsBefore: number): Promise<boolean> => {
    if ((await unfinished(db)) < 20) await addJobs(db, Array.from({ length: 40 }, () => `work:${context.random.between(50, 600)}`));
    return clients.acks() > acksBefore + 2 * DEVICES && (await effects()) > effectsBefore;
  };
  if ((await waitFor(() => isAtWork(0, 0), 60_000, 20)) === null) kills.notBack += 1;
  while (kills.made < target) {
    await delay(context.random.between(0, 300));
    const effectsBefore = await effects();
    kills.processes += await context.server.killTree();
    // What was acknowledged is on its way to the harness through a pipe; nothing new can be acknowledged without a server.
    await delay(context.random.between(50, 400));
    const acked = new Map(clients.acked);
    const acksBefore = clients.acks();
    await context.server.restart();
    const upAtMs = performance.now();
    kills.lostAcks += await missingAcks(db, acked);
    if ((await waitFor(() => isAtWork(acksBefore, effectsBefore), BACK_WITHIN_MS, 50)) === null) kills.notBack += 1;
    kills.backSeconds.push((performance.now() - upAtMs) / 1000);
    kills.made += 1;
    if (kills.made % 4 === 0) context.log(`${kills.made} of ${target} whole-tree kills`);
  }
  return kills;
}
