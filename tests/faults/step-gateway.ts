import { type Db } from "@flotilla/db";
import { startDatabaseProxy } from "@flotilla/db/setup";
import { waitFor, type FaultContext } from "./fault.ts";
import { startFaultProxy } from "./fault-proxy.ts";
import { startGateway, urlOf } from "./gateway-program.ts";
import { enrolmentToken, missingAcks, startLedgerClients } from "./ledger-clients.ts";
import { checkLedgers } from "./ledger-oracle.ts";
import { countOf, type StepOutcome, type StepPoint } from "./step-point.ts";

const SAMPLES = 20;
const NAME = "unanswered";
const REACHED_WITHIN_MS = 120_000;
const FINISHED_WITHIN_MS = 120_000;

/** `marker`: bytes of the transaction whose COMMIT is not answered; `stored`: counts what it has stored by then. */
type Unanswered = { readonly marker: string; readonly isAfterSyncs: boolean; readonly stored: string };

async function crashGatewayAt(context: FaultContext, db: Db, databaseUrl: string, point: Unanswered): Promise<StepOutcome> {
  const database = await startDatabaseProxy(databaseUrl);
  const network = await startFaultProxy(context.random, null);
  const gateway = startGateway(context, database.url);
  network.setUpstream(await urlOf(gateway));
  let trap = point.isAfterSyncs ? null : database.swallowCommit(point.marker);
  const clients = startLedgerClients(context, { server: network.url, token: await enrolmentToken(db), devices: 1, windows: 30, samples: SAMPLES, everyMs: 100, name: NAME });
  if (trap === null) {
    await waitFor(() => clients.acks() > 2, REACHED_WITHIN_MS, 10);
    trap = database.swallowCommit(point.marker);
  }
  let isSprung = false;
  void trap.then(() => (isSprung = true));
  await waitFor(() => isSprung, REACHED_WITHIN_MS, 10);
  const acked = Math.max(0, ...clients.acked.values());
  // Stored, and whoever asked for it was not told.
  const isReached = isSprung && (await countOf(db, point.stored)) > acked;
  network.setUpstream(null);
  await gateway.kill();
  network.setUpstream(await urlOf(startGateway(context, databaseUrl)));
  const ledgers = await clients.finish(FINISHED_WITHIN_MS);
  const check = ledgers === null ? null : await checkLedgers(db, ledgers, SAMPLES);
  const devices = await countOf(db, "select count(*) as n from device");
  const forgotten = await missingAcks(db, clients.acked);
  await network.close();
  await database.close();
  return {
    isReached,
    lost: (check?.lost ?? 0) + forgotten + clients.lostOnDisk(),
    duplicate: (check?.duplicate ?? 0) + Math.max(devices - 1, 0),
    torn: (check?.torn ?? 0) + (check?.declaredDropped ?? 0),
    stuck: ledgers === null ? 1 : 0,
  };
}

export const enrolmentUnanswered: StepPoint = {
  name: "gateway: a device is enrolled, it is not told; it enrols again with the same key",
  crash: (context, db, url) => crashGatewayAt(context, db, url, { marker: `${NAME}-0`, isAfterSyncs: false, stored: "select count(*) as n from device" }),
};

export const syncUnanswered: StepPoint = {
  name: "gateway: windows are stored, the device is not told; it sends them again",
  crash: (context, db, url) => crashGatewayAt(context, db, url, { marker: "ver_fault", isAfterSyncs: true, stored: "select coalesce(max(seq), 0) as n from telemetry_watermark" }),
};
