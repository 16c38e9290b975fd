// Whether a sync costs more in a large installation: the same 10,000 devices sync, once among 10,000 registered ones and once
// among a million, in interleaved rounds. node bench/gateway-registered.ts [registered] [rounds] [seconds per run]
import { availableParallelism, loadavg } from "node:os";
import { Generator, cpuSeconds, startGateway, treeCpuSeconds, type Server } from "./load/processes.ts";
import { benchDeviceId } from "./load/registered-devices.ts";
import { median, range, startWorld, type World } from "./load/world.ts";
import { wholeNumbersOfCommandLine } from "./world/whole-numbers.ts";

const { registered: REGISTERED, rounds: ROUNDS, seconds: SECONDS } = wholeNumbersOfCommandLine({ registered: 1_000_000, rounds: 3, seconds: 6 });
const ACTIVE = 10_000;
const CONNECTIONS = 1_000;
const SECRET = "bench".repeat(8);

type Side = { registered: number; world: World; gateway: Server; runs: { perSecond: number; cpuUs: number; databaseUs: number }[] };

const generator = new Generator();
const sides: Side[] = [];
try {
  for (const registered of [ACTIVE, REGISTERED]) {
    const world = await startWorld(registered);
    sides.push({ registered, world, gateway: await startGateway({ DATABASE_URL: world.url, ARTIFACT_STORE: world.store, secret: SECRET }), runs: [] });
    console.log(`${registered} devices registered, load average ${loadavg()[0]?.toFixed(1)}`);
  }
  for (const side of sides) await load(side, 0, 2 * ACTIVE);
  for (let round = 0; round < ROUNDS; round += 1) for (const side of sides) side.runs.push(await measure(side));
  for (const { registered, runs } of sides) {
    console.log(`${String(registered).padStart(9)} registered: ${median(runs.map((r) => r.perSecond)).toFixed(0)}/s (${range(runs.map((r) => r.perSecond))}), gateway ${median(runs.map((r) => r.cpuUs)).toFixed(0)} us, PostgreSQL ${median(runs.map((r) => r.databaseUs)).toFixed(0)} us each`);
  }
  const ratio = (round: number): number => costOf(sides[1], round) / costOf(sides[0], round);
  const ratios = Array.from({ length: ROUNDS }, (_, round) => ratio(round));
  console.log(`CPU of gateway and PostgreSQL per sync, ${REGISTERED} over ${ACTIVE} registered: ${median(ratios).toFixed(2)} x (${range(ratios, 2)}); ${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}`);
} finally {
  generator.stop();
  for (const { gateway, world } of sides) {
    await gateway.stop();
    await world.close();
  }
}

function costOf(side: Side | undefined, round: number): number {
  const run = side?.runs[round];
  return run === undefined ? Number.NaN : run.cpuUs + run.databaseUs;
}

/** The devices that sync lie spread over all that are registered. */
function load(side: Side, seconds: number, warmUpAnswers = 0) {
  const step = Math.floor(side.registered / ACTIVE);
  const deviceIds = Array.from({ length: ACTIVE }, (_, n) => benchDeviceId(n * step));
  return generator.run({ url: side.gateway.url, path: "/device/v1/sync", secret: SECRET, deviceIds, connections: CONNECTIONS, ratePerSecond: null, seconds, warmUpSeconds: 0, warmUpAnswers, ledger: String(side.registered) });
}

async function measure(side: Side): Promise<Side["runs"][number]> {
  const [cpu, database] = [await cpuSeconds(side.gateway.pid), await treeCpuSeconds(side.world.postgresPid)];
  const run = await load(side, SECONDS);
  if (run.wrong + run.broken > 0) throw new Error(`${run.wrong} wrong answers, ${run.broken} broken connections`);
  const each = (seconds: number): number => (seconds * 1e6) / run.answered;
  return { perSecond: run.answered / run.seconds, cpuUs: each((await cpuSeconds(side.gateway.pid)) - cpu), databaseUs: each((await treeCpuSeconds(side.world.postgresPid)) - database) };
}
