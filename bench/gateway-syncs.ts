// What one gateway carries: full syncs per second (token, validation, ledger, latency merged, acknowledged after COMMIT), the
// CPU time of each, and its latency at half of that rate, against a bare node:http echo of the same bytes and against the
// obvious implementation (bench/naive-peer). Generator and PostgreSQL share the machine, so rounds are interleaved and
// ratios are what counts. node bench/gateway-syncs.ts [rounds] [seconds per run]
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import type { LoadResult } from "./load/generator.ts";
import { Generator, ON_LEASH, cpuSeconds, memoryMiB, startGateway, startServer, treeCpuSeconds, type Server } from "./load/processes.ts";
import { benchDeviceId } from "./load/registered-devices.ts";
import { median, range, startWorld, type World } from "./load/world.ts";
import { wholeNumbersOfCommandLine } from "./world/whole-numbers.ts";

const { rounds: ROUNDS, seconds: SECONDS } = wholeNumbersOfCommandLine({ rounds: 3, seconds: 6 });
const DEVICES = 10_000;
const CONNECTIONS = 1_000;
/** Percentiles of the open loop hang on single moments in which the machine stands still: of one of its rounds they say little. */
const OPEN_ROUNDS_PER_ROUND = 3;
/** More only pile up in front of it. */
const NAIVE_CONNECTIONS = 64;
const WARM_UP_SECONDS = 1;
const SECRET = "bench".repeat(8);
const NAIVE = join(import.meta.dirname, "naive-peer");

type Measured = LoadResult & { perSecond: number; cpuUs: number; databaseUs: number; generatorUs: number };

const world = await startWorld(DEVICES);
const generator = new Generator();
const servers: Server[] = [];
try {
  const gateway = await startGateway({ DATABASE_URL: world.url, ARTIFACT_STORE: world.store, secret: SECRET });
  const echo = await startServer([join(import.meta.dirname, "load/echo.ts")], {}, (line) => (line.startsWith("http") ? line : null));
  const naive = await startNaivePeer(world);
  servers.push(gateway, echo, naive);
  console.log(`${DEVICES} registered devices, ${CONNECTIONS} connections, ${ROUNDS} interleaved rounds of ${SECONDS} s, ${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}`);
  // Everything that happens once per device (loading it, its first row, its first token) happens before the clock runs.
  for (const [server, path] of [[gateway, "/device/v1/sync"], [echo, "/echo"]] as const) await load(server, path, null, { seconds: 0, warmUpAnswers: 2 * DEVICES });
  await load(naive, "/api/sync", null, { seconds: 0, warmUpAnswers: NAIVE_CONNECTIONS });
  const closed = { gateway: [] as Measured[], echo: [] as Measured[], naive: [] as Measured[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    closed.gateway.push(await measure(gateway, "/device/v1/sync", null));
    closed.echo.push(await measure(echo, "/echo", null));
    closed.naive.push(await measure(naive, "/api/sync", null));
  }
  report(closed);
  const half = median(closed.gateway.map((run) => run.perSecond)) / 2;
  const open: Measured[] = [];
  for (let round = 0; round < OPEN_ROUNDS_PER_ROUND * ROUNDS; round += 1) open.push(await measure(gateway, "/device/v1/sync", half));
  console.log(`open loop at half of that, ${Math.round(half)}/s, from the intended start, ${open.length} rounds: answered ${Math.round(median(open.map((run) => run.perSecond)))}/s, p50 ${median(open.map((run) => run.msP50)).toFixed(1)} ms, p99 ${median(open.map((run) => run.msP99)).toFixed(1)} ms (${range(open.map((run) => run.msP99), 1)}), p99.9 ${median(open.map((run) => run.msP999)).toFixed(1)} ms, CPU ${median(open.map((run) => run.cpuUs)).toFixed(0)} us each`);
  const memory = await memoryMiB(gateway.pid);
  console.log(`gateway memory ${memory.now.toFixed(0)} MiB, at most ${memory.peak.toFixed(0)} MiB; load average at the end ${loadavg()[0]?.toFixed(1)}`);
  await checkLedgers(world);
} finally {
  generator.stop();
  for (const server of servers) await server.stop();
  await world.close();
}

function load(server: Server, path: string, ratePerSecond: number | null, more: { seconds: number; warmUpAnswers?: number }): Promise<LoadResult> {
  const deviceIds = Array.from({ length: DEVICES }, (_, n) => benchDeviceId(n));
  return generator.run({ url: server.url, path, secret: SECRET, deviceIds, connections: path === "/api/sync" ? NAIVE_CONNECTIONS : CONNECTIONS, ratePerSecond, warmUpSeconds: WARM_UP_SECONDS, warmUpAnswers: 0, ledger: path, ...more });
}

async function measure(server: Server, path: string, ratePerSecond: number | null): Promise<Measured> {
  const [cpu, database] = [await cpuSeconds(server.pid), await treeCpuSeconds(world.postgresPid)];
  const run = await load(server, path, ratePerSecond, { seconds: SECONDS });
  if (run.wrong + run.broken > 0) throw new Error(`${path}: ${run.wrong} wrong answers, ${run.broken} broken connections`);
  // CPU is read around warm-up and run together; the share of the run is its share of the time.
  const share = run.seconds / (run.seconds + WARM_UP_SECONDS);
  const perAnswer = (seconds: number): number => (seconds * share * 1e6) / run.answered;
  return {
    ...run, perSecond: run.answered / run.seconds, generatorUs: (run.cpuSeconds * 1e6) / run.answered,
    cpuUs: perAnswer((await cpuSeconds(server.pid)) - cpu), databaseUs: perAnswer((await treeCpuSeconds(world.postgresPid)) - database),
  };
}

function report(closed: { gateway: Measured[]; echo: Measured[]; naive: Measured[] }): void {
  console.log("closed loop           per second (range)          p50 ms   p99 ms   CPU us   PostgreSQL us   generator us   refused");
  for (const [name, runs] of Object.entries(closed)) {
    const middle = (of: (run: Measured) => number): number => median(runs.map(of));
    console.log(
      `${name.padEnd(20)}  ${middle((r) => r.perSecond).toFixed(0).padStart(6)}  (${range(runs.map((r) => r.perSecond)).padEnd(15)})  ${middle((r) => r.msP50).toFixed(1).padStart(7)}  ${middle((r) => r.msP99).toFixed(1).padStart(7)}  ${middle((r) => r.cpuUs).toFixed(0).padStart(7)}  ${middle((r) => r.databaseUs).toFixed(0).padStart(14)}  ${middle((r) => r.generatorUs).toFixed(0).padStart(13)}  ${String(runs.reduce((sum, r) => sum + r.refused, 0)).padStart(8)}`,
    );
  }
  const ratios = (of: (round: number) => number): number[] => closed.gateway.map((_, round) => of(round));
  const at = (runs: readonly Measured[], round: number, of: (run: Measured) => number): number => { const run = runs[round]; return run === undefined ? Number.NaN : of(run); };
  const overNaive = ratios((round) => at(closed.gateway, round, (r) => r.perSecond) / at(closed.naive, round, (r) => r.perSecond));
  const overEcho = ratios((round) => at(closed.gateway, round, (r) => r.cpuUs) / at(closed.echo, round, (r) => r.cpuUs));
  console.log(`syncs per second over the naive peer: ${median(overNaive).toFixed(1)} x (${range(overNaive, 1)}); CPU per sync over the echo: ${median(overEcho).toFixed(2)} x (${range(overEcho, 2)})`);
}

/** What was acknowledged is stored, once: ledgers and samples agree. */
async function checkLedgers({ db }: World): Promise<void> {
  const { rows } = await db.pool.query<{ windows: string; seqs: string; samples: string }>(
    "select (select sum(stored_windows) from telemetry_watermark)::text as windows, (select sum(seq) from telemetry_watermark)::text as seqs, (select sum(count) from latency_minute where fleet_id = '*')::text as samples");
  const [row] = rows;
  const isExact = row !== undefined && row.windows === row.seqs && Number(row.samples) === 120 * Number(row.windows);
  console.log(`stored ${row?.windows} windows with ${row?.samples} samples; ledgers stand at ${row?.seqs}: ${isExact ? "exact" : "NOT EXACT"}`);
  if (!isExact) process.exitCode = 1;
}

/** Built on first use. */
async function startNaivePeer({ url }: World): Promise<Server> {
  const next = "node_modules/next/dist/bin/next";
  const env = { PATH: process.env["PATH"] ?? "", NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
  if (!existsSync(join(NAIVE, ".next/BUILD_ID"))) {
    const code = await new Promise((resolve) => spawn(process.execPath, [...ON_LEASH, next, "build", NAIVE], { env, stdio: ["ignore", "ignore", "inherit"] }).once("exit", resolve));
    if (code !== 0) throw new Error(`the naive peer could not be built: ${String(code)}`);
  }
  return startServer([next, "start", NAIVE, "--port", "0", "--hostname", "127.0.0.1"], { ...env, DATABASE_URL: url, DEVICE_TOKEN_SECRET: SECRET }, (line) => /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? null);
}
