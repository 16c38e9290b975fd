import { setTimeout as delay } from "node:timers/promises";
import { waitFor, type Fault, type FaultContext } from "./fault.ts";
import { startFaultProxy, type FaultProxy } from "./fault-proxy.ts";
import { startGateway, urlOf } from "./gateway-program.ts";
import { enrolmentToken, missingAcks, startLedgerClients, type LedgerClients } from "./ledger-clients.ts";
import { checkLedgers, fleetSamples } from "./ledger-oracle.ts";

const DEVICES = 20;
const WINDOWS = 250;
const SAMPLES = 20;
const EVERY_MS = 250;
/** On each side. */
const KILLS = 50;

/** 10^5 samples through a bad network, with kill -9 of the gateway and of the devices. */
export const ledgerFault: Fault = {
  name: "ledger",
  async run(context) {
    const { db, url } = await context.server.fresh("ledger");
    const proxy = await startFaultProxy(context.random);
    const clients = startLedgerClients(context, {
      server: proxy.url, token: await enrolmentToken(db), devices: DEVICES, windows: Math.ceil(WINDOWS * context.scale), samples: SAMPLES, everyMs: EVERY_MS,
    });
    const kills = Math.ceil(KILLS * context.scale);
    const gateways = killGateways(context, url, proxy, kills);
    const byClients = await killClients(context, clients, kills);
    const byGateways = await gateways;
    const ledgers = await clients.finish(90_000 * Math.max(context.scale, 1));
    const check = ledgers === null ? null : await checkLedgers(db, ledgers, SAMPLES);
    const forgotten = await missingAcks(db, clients.acked);
    const inFleet = await fleetSamples(db);
    await proxy.close();
    await db.close();
    const { counts } = proxy;
    return [{
      what: `${check?.samples ?? 0} samples in ${check?.windows ?? 0} windows of ${DEVICES} devices, kill -9 of gateway (${byGateways}) and of devices (${byClients}), bad network`,
      tried: byGateways + byClients,
      atLeast: 2 * kills,
      lost: (check?.lost ?? 0) + forgotten + clients.lostOnDisk() + Math.max((check?.samples ?? 0) - inFleet, 0),
      duplicate: (check?.duplicate ?? 0) + Math.max(inFleet - (check?.samples ?? 0), 0),
      torn: (check?.torn ?? 0) + (check?.declaredDropped ?? 0),
      stuck: ledgers === null ? 1 : 0,
      facts: [
        `of ${counts.requests} requests ${counts.lostRequests} were lost, ${counts.lostAnswers} answers were lost, ${counts.doubled} came twice at once, ${counts.late} came again later behind newer ones`,
        `stored = produced for every device, bucket by bucket; ${inFleet} samples in the fleet's minutes`,
      ],
    }];
  },
};

async function killGateways(context: FaultContext, databaseUrl: string, proxy: FaultProxy, kills: number): Promise<number> {
  for (let n = 0; ; n += 1) {
    const gateway = startGateway(context, databaseUrl);
    proxy.setUpstream(await urlOf(gateway));
    if (n === kills) return n;
    const before = proxy.counts.requests;
    await waitFor(() => proxy.counts.requests > before + DEVICES, 5_000, 10);
    await delay(context.random.between(0, 400));
    proxy.setUpstream(null);
    await gateway.kill();
    if (n % 10 === 9) context.log(`${n + 1} of ${kills} gateways killed`);
  }
}

async function killClients(context: FaultContext, clients: LedgerClients, kills: number): Promise<number> {
  for (let n = 0; ; n += 1) {
    await waitFor(() => clients.isReady(), 30_000, 10);
    if (n === kills) return n;
    await delay(context.random.between(150, 900));
    await clients.kill();
    clients.start();
    if (n % 10 === 9) context.log(`${n + 1} of ${kills} times the devices killed`);
  }
}
