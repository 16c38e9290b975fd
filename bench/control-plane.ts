// What people and the evaluator wait for with 100,000 devices: server time of each page, of a rollout's steps and of
// latency questions, from the same functions as the operator API calls. node bench/control-plane.ts [devices] [runs]
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { connect, withSql, withTx, type Db, type Tx } from "@flotilla/db";
import { migrate, startEmbeddedPostgres } from "@flotilla/db/setup";
import {
  createFleet, createRollout, deviceSummary, evaluateRollouts, failureGroups, getDevice, getRollout, keepDeviceSummaries, listDeployments, listDevices, listFleets, listJobs, listRollouts, overviewFacts,
  previewFleet, previewRollout, queryLatency, reportDeployments, rollUp, rolloutEvents, startRollout, systemPrincipal, targetsOf, type DeploymentReportItem, type LatencyQuery,
} from "@flotilla/fleet";
import { CLASSES, manifestSha256, modelSha256, seedLargeFleet, seedLatency, SITES, type LargeFleet } from "./world/large-fleet.ts";
import { wholeNumbersOfCommandLine } from "./world/whole-numbers.ts";

const { devices: DEVICES, runs: RUNS } = wholeNumbersOfCommandLine({ devices: 100_000, runs: 20 });
/** A busy machine is no fault. */
const LONGEST_WAVE_MS = 15 * 60_000;
const MANY_FLEETS = 200;
const bench = systemPrincipal("bench");
const WAVES = [{ percent: 1, soakSeconds: 0 }, { percent: 10, soakSeconds: 0 }, { percent: 100, soakSeconds: 0 }];

const dataDir = await mkdtemp(join(tmpdir(), "flotilla-bench-"));
const server = await startEmbeddedPostgres({ dataDir });
try {
  await migrate(server.url);
  const db = connect(server.url, { applicationName: "flotilla bench" });
  try {
    const seeding = await timed(() => seedLargeFleet(db, DEVICES));
    await seedLatency(db, seeding.value, Date.now());
    await withSql(db, (sql) => rollUp(sql, new Date()));
    console.log(`${DEVICES} devices, ${CLASSES.length} classes, two completed rollouts, 24 h of latency; ${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}`);
    await measureRollout(db, seeding.value);
    const working = asWorker(db);
    await measurePages(db, seeding.value);
    await measureLatency(db, seeding.value);
    await working.stop();
    await measureManyFleets(db);
    console.log(`load average at the end ${loadavg()[0]?.toFixed(1)}`);
  } finally {
    await db.close();
  }
} finally {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}

async function measureRollout(db: Db, fleet: LargeFleet): Promise<void> {
  const asked = { buildId: fleet.builds[1] ?? "", fleetId: fleet.fleetId, waves: WAVES };
  await measure("rollout preview", 10, () => inTx(db, (tx) => previewRollout(tx, bench, asked)));
  const created = await once("rollout create", () => inTx(db, (tx) => createRollout(tx, bench, asked)));
  await once("rollout start", () => inTx(db, (tx) => startRollout(tx, bench, { id: created.id })));
  printTime("evaluations: members planned, wave 1 offered (1 %)", await offerWave(db));
  await install(db, fleet.deviceIds, 1);
  printTime("evaluations: wave 1 passed, wave 2 offered (9 %)", await offerWave(db));
  await install(db, fleet.deviceIds, 1);
  printTime("evaluations: wave 2 passed, wave 3 offered (90 %)", await offerWave(db));
  // In the middle of the last wave: half has ended, 2 % of it badly; the others are on their way or silent.
  await install(db, fleet.deviceIds, 0.5);
  await db.pool.query("vacuum analyze deployment, device_target");
  await measure("evaluation without news", RUNS, () => tick(db));
  for (const run of [1, 2, 3]) {
    const offered = await openDeployments(db, 5_000);
    await once(`5,000 reports stored, batches of 500 (${run})`, () => report(db, offered, "downloading"));
    await once(`evaluation after 5,000 reports (${run})`, () => tick(db));
  }
}

async function measurePages(db: Db, fleet: LargeFleet): Promise<void> {
  await seen(db);
  const page = (name: string, input: Parameters<typeof listDevices>[2]): Promise<void> => measure(`devices: ${name}`, RUNS, () => inTx(db, (tx) => listDevices(tx, bench, input)));
  await page("first page", {});
  await page("cursor in the middle", { cursor: fleet.deviceIds[Math.floor(DEVICES / 2)] });
  await page("cursor near the end", { cursor: fleet.deviceIds[100] });
  await page("query site=osaka", { query: "site=osaka" });
  await page("query tier in (vision),site!=lyon", { query: "tier in (vision),site!=lyon" });
  await page("query that matches nobody", { query: "site=atlantis" });
  await page("search 'pi5-0042'", { search: "pi5-0042" });
  await page("search that matches nobody", { search: "zeppelin" });
  for (const presence of ["reporting", "late", "silent", "never"] as const) await page(`presence ${presence}`, { presence });
  await page("drift", { drift: true });
  await page("class orin", { className: "orin" });
  await page("build", { buildId: fleet.builds[1] });
  await page("build that nobody runs", { buildId: fleet.builds[3] });
  await measure("fleet preview", RUNS, () => inTx(db, (tx) => previewFleet(tx, bench, { query: "tier=vision,site!=lyon" })));
  await once("a worker counts the fleets (every few seconds)", () => inTx(db, (tx) => keepDeviceSummaries(tx)));
  await measure("device page", RUNS, () => inTx(db, (tx) => getDevice(tx, bench, fleet.deviceIds[77] ?? "")));
  await measure("device summary of all", RUNS, () => inTx(db, (tx) => deviceSummary(tx, bench, {})));
  await measure("device summary of a third", RUNS, () => inTx(db, (tx) => deviceSummary(tx, bench, { query: "tier=vision" })));
  await measure("fleets page", RUNS, () => inTx(db, (tx) => listFleets(tx, bench, {})));
  await measure("rollouts page", RUNS, () => inTx(db, (tx) => listRollouts(tx, bench, {})));
  const rollouts = await inTx(db, (tx) => listRollouts(tx, bench, {}));
  const running = rollouts.items.find((r) => r.state === "running") ?? rollouts.items[0];
  const done = rollouts.items.at(-1);
  if (running === undefined || done === undefined) throw new Error("there is no rollout");
  await measure("rollout page, running", RUNS, () => inTx(db, (tx) => getRollout(tx, bench, { id: running.id })));
  await measure("deployments page", RUNS, () => inTx(db, (tx) => listDeployments(tx, bench, { rolloutId: running.id })));
  await measure("deployments page, an old rollout", RUNS, () => inTx(db, (tx) => listDeployments(tx, bench, { rolloutId: done.id })));
  await measure("deployments page, failed", RUNS, () => inTx(db, (tx) => listDeployments(tx, bench, { rolloutId: running.id, state: "failed" })));
  await measure("deployments page, wave 1", RUNS, () => inTx(db, (tx) => listDeployments(tx, bench, { rolloutId: running.id, wave: 0 })));
  await measure("failure groups", RUNS, () => inTx(db, (tx) => failureGroups(tx, bench, { rolloutId: running.id })));
  await measure("rollout events", RUNS, () => inTx(db, (tx) => rolloutEvents(tx, bench, { rolloutId: running.id })));
  await measure("front page (its reads)", RUNS, () =>
    inTx(db, (tx) => Promise.all([
      ...(["halted", "paused", "rolling_back", "running"] as const).map((state) => listRollouts(tx, bench, { state, limit: 20 })),
      listJobs(tx, bench, { state: "failed", limit: 10 }), overviewFacts(tx, bench), deviceSummary(tx, bench, {}), listFleets(tx, bench, { limit: 8 }), deviceSummary(tx, bench, { query: "tier=vision" }),
    ])),
  );
}

/** Sites with a fleet of their own, and more: what a worker does every few seconds then, whoever looks. */
async function measureManyFleets(db: Db): Promise<void> {
  const sites = SITES.map((site) => `site=${site}`);
  for (let n = 0; n < MANY_FLEETS; n += 1) await inTx(db, (tx) => createFleet(tx, bench, { name: `many ${n}`, query: n < sites.length ? (sites[n] ?? "") : `${sites[n % sites.length]},tier!=t${n}` }));
  // Later than any count that was kept: it is due.
  await once(`a worker counts ${MANY_FLEETS} fleets more`, () => inTx(db, (tx) => keepDeviceSummaries(tx, new Date(Date.now() + 60_000))));
  await measure(`fleets page, ${MANY_FLEETS} of them`, RUNS, () => inTx(db, (tx) => listFleets(tx, bench, { limit: MANY_FLEETS })));
}

async function measureLatency(db: Db, fleet: LargeFleet): Promise<void> {
  const nowMs = Date.now();
  const day = { from: new Date(nowMs - 24 * 3_600_000), to: new Date(nowMs), groupBy: "none", stepSeconds: null } as const;
  const key = { fleetId: fleet.fleetId, className: CLASSES[0], buildId: fleet.builds[0] };
  const questions: [string, LatencyQuery][] = [
    ["24 h, one key", { ...day, ...key }],
    ["24 h, one key, 1 min steps", { ...day, ...key, stepSeconds: 60 }],
    ["24 h, one key, 1 h steps", { ...day, ...key, stepSeconds: 3600 }],
    ["24 h, 20 keys as one series", { ...day, fleetId: fleet.fleetId }],
    ["24 h, 20 keys by build", { ...day, fleetId: fleet.fleetId, groupBy: "build" }],
    ["24 h, 20 keys, 1 h steps", { ...day, fleetId: fleet.fleetId, stepSeconds: 3600 }],
    ["last hour, 20 keys", { ...day, from: new Date(nowMs - 3_600_000), fleetId: fleet.fleetId }],
    ["24 h, one device", { ...day, deviceId: fleet.deviceIds.at(-1) }],
    ["24 h, by device", { ...day, fleetId: fleet.fleetId, groupBy: "device" }],
  ];
  for (const [name, query] of questions) await measure(`latency: ${name}`, RUNS, () => inTx(db, (tx) => queryLatency(tx, bench, query)));
}

function inTx<T>(db: Db, fn: (tx: Tx) => Promise<T>): Promise<T> {
  return withTx(db, fn, { timeoutMs: 120_000 });
}

/** What a worker does beside the pages: a tick each second, fleets counted every five. */
function asWorker(db: Db): { stop(): Promise<void> } {
  let round = Promise.resolve();
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += 1;
    const isDue = seconds % 5 === 0;
    round = round.then(() => tick(db)).then(() => (isDue ? inTx(db, (tx) => keepDeviceSummaries(tx)).then(() => undefined) : undefined));
  }, 1_000);
  return {
    stop: async () => {
      clearInterval(timer);
      await round;
    },
  };
}

async function tick(db: Db): Promise<number> {
  const result = await evaluateRollouts(db, new Date());
  if (result.kind === "busy") return 0;
  for (const { error } of result.failures) throw error;
  return result.offered;
}

/**
 * As many ticks as it takes until a wave was offered to all of it; answers the time they took. Who is reachable in a large rollout is counted every few seconds only: until the evaluator
 * sees that the wave before is done, ticks go by.
 */
async function offerWave(db: Db): Promise<number> {
  const giveUpAtMs = performance.now() + LONGEST_WAVE_MS;
  for (let [offered, tookMs] = [0, 0]; ; ) {
    const { ms, value } = await timed(() => tick(db));
    tookMs += ms;
    if (value === 0 && offered > 0) return tookMs;
    if (performance.now() > giveUpAtMs) throw new Error("no wave was offered in a quarter of an hour");
    offered += value;
    if (offered === 0) await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Everybody who was not silent for long says something now, so that the length of the benchmark changes nothing. */
async function seen(db: Db): Promise<void> {
  await inSlices((slice) => db.pool.query(`update device_live l set last_seen_at = now() where last_seen_at > now() - interval '1 hour' and ${slice}`));
}

/** Devices sync at times of their own, so pages of their table have room for what changes; written all at once, it would grow to a size that it never has. */
async function inSlices(update: (slice: string) => Promise<unknown>): Promise<void> {
  for (let slice = 0; slice < 16; slice += 1) await update(`(hashtext(l.device_id) & 15) = ${slice}`);
}

type Open = { deviceId: string; deploymentId: string; targetVersion: number; buildId: string };

async function openDeployments(db: Db, most: number): Promise<Open[]> {
  const { rows } = await db.pool.query<{ device_id: string }>(
    "select d.device_id from deployment d join device_live l on l.device_id = d.device_id where d.state = 'offered' and l.last_seen_at > now() - interval '1 hour' order by d.id limit $1", [most],
  );
  const entries = await withSql(db, (sql) => targetsOf(sql, rows.map((row) => row.device_id)));
  return entries.flatMap(({ deviceId, target }) =>
    target?.deploymentId ? [{ deviceId, deploymentId: target.deploymentId, targetVersion: target.targetVersion, buildId: target.build?.buildId ?? "" }] : [],
  );
}

async function report(db: Db, open: readonly Open[], phase: "downloading" | "succeeded" | "failed"): Promise<void> {
  for (let from = 0; from < open.length; from += 500) {
    const batch = open.slice(from, from + 500).map(({ deviceId, deploymentId, targetVersion, buildId }): DeploymentReportItem => ({
      deviceId,
      running: phase === "succeeded" ? { buildId, manifestSha256: manifestSha256(buildId), versionId: "ver", modelSha256: modelSha256(buildId), runningForMs: 1 } : null,
      report: {
        deploymentId, targetVersion, attempt: 1, phase,
        ...(phase === "succeeded" ? { probe: { passed: true, loadMs: 1, maxAbsError: 0 } } : {}),
        ...(phase === "failed" ? { failure: { code: "load_failed" as const, detail: "the model could not be opened", recovery: "no_state_change" as const } } : {}),
      },
    }));
    await withSql(db, (sql) => reportDeployments(sql, batch));
  }
}

/** Lets a share of the devices that wait install the build: 2 in 100 fail when not all of them are to succeed. */
async function install(db: Db, deviceIds: readonly string[], share: number): Promise<void> {
  await seen(db);
  const open = await openDeployments(db, deviceIds.length);
  const ended = open.slice(0, Math.floor(open.length * share));
  const isBad = (_: Open, i: number): boolean => share < 1 && i % 50 === 7;
  await report(db, ended.filter((o, i) => !isBad(o, i)), "succeeded");
  await report(db, ended.filter(isBad), "failed");
  await inSlices((slice) =>
    db.pool.query(
      `update device_live l set running_build_id = d.build_id, running_sha256 = b.manifest_sha256 from deployment d join rollout r on r.id = d.rollout_id and r.state = 'running' join build b on b.id = d.build_id
        where d.device_id = l.device_id and d.state = 'succeeded' and l.running_build_id is distinct from d.build_id and ${slice}`,
    ),
  );
}

async function once<T>(name: string, work: () => Promise<T>): Promise<T> {
  const { ms, value } = await timed(work);
  printTime(name, ms);
  return value;
}

function printTime(name: string, ms: number): void {
  console.log(`${name.padEnd(54)} ${ms.toFixed(1).padStart(9)} ms`);
}

async function measure(name: string, runs: number, work: () => Promise<unknown>): Promise<void> {
  await work();
  const times: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let run = 0; run < runs; run += 1) times.push((await timed(work)).ms);
  const cpu = process.cpuUsage(cpuBefore);
  times.sort((a, b) => a - b);
  const at = (q: number): string => (times[Math.floor(q * (times.length - 1))] ?? 0).toFixed(1).padStart(9);
  console.log(`${name.padEnd(54)} ${at(0.5)} ms p50 ${at(0.95)} ms p95   CPU here ${((cpu.user + cpu.system) / 1000 / runs).toFixed(0).padStart(4)} ms`);
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const beganMs = performance.now();
  const value = await work();
  return { ms: performance.now() - beganMs, value };
}
