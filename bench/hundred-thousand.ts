// One rollout in three waves to a simulated fleet that syncs every 60 s, with the platform as processes (PostgreSQL, gateway, worker) and the
// simulator on the same machine: wall time, CPU and memory of each, size of the database.
// node bench/hundred-thousand.ts [devices] [http|bulk]   bulk: devices are put into the database instead of enrolling over HTTP
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { connect, withSql, withTx, type Db } from "@flotilla/db";
import { migrate, startEmbeddedPostgres } from "@flotilla/db/setup";
import {
  createBuild, createEnrollmentToken, createModel, createRollout, createUpload, createVersion, directoryStore, getBuild, getRollout, getVersion, newId, recordArtifacts, startRollout,
  systemPrincipal, touchRegistry,
} from "@flotilla/fleet";
import { demoConvNet } from "@flotilla/runtime";
import { usageOf, type Usage } from "./world/process-tree.ts";
import { orExit, wholeNumbers } from "./world/whole-numbers.ts";

const [, , given = "100000", ENROL = "http", ...more] = process.argv;
const { devices: DEVICES } = orExit(() => wholeNumbers({ devices: 100_000 }, [given, ...(ENROL === "http" || ENROL === "bulk" ? [] : [ENROL]), ...more], " [http|bulk]"));
const SYNC_INTERVAL_MS = 60_000;
const WAVES = [{ percent: 1, soakSeconds: 10 }, { percent: 10, soakSeconds: 10 }, { percent: 100, soakSeconds: 10 }];
const LONGEST_ROLLOUT_MS = 60 * 60_000;
const SCENARIO = {
  seed: 7, devices: DEVICES, mode: "crowd", namePrefix: "many", downloads: "each", inferenceIntervalMs: 5_000, startupSpreadMs: SYNC_INTERVAL_MS,
  classes: [
    { name: "pi4", arch: "arm64", isa: ["neon"], speedFactor: 4, memoryBytes: 4 * 2 ** 30, share: 5 },
    { name: "pi5", arch: "arm64", isa: ["neon", "dotprod"], speedFactor: 2, memoryBytes: 8 * 2 ** 30, share: 3 },
    { name: "jetson-nano", arch: "arm64", isa: ["neon"], speedFactor: 3, memoryBytes: 4 * 2 ** 30, share: 1 },
    { name: "x86-gateway", arch: "x64", isa: ["avx2"], speedFactor: 1, memoryBytes: 16 * 2 ** 30, share: 1 },
  ],
};

const bench = systemPrincipal("bench");
const dataDir = await mkdtemp(join(tmpdir(), "flotilla-bench-"));
const server = await startEmbeddedPostgres({ dataDir: join(dataDir, "pg") });
await migrate(server.url);
const db = connect(server.url, { applicationName: "flotilla bench" });
const secret = "bench".repeat(8);
const common = { ...process.env, FLOTILLA_PARENT_PID: String(process.pid), DATABASE_URL: server.url, ARTIFACT_STORE: join(dataDir, "store"), LOG_LEVEL: "info" };
const children = new Map<string, ChildProcess>();
const peaks = new Map<string, number>();
let watching: NodeJS.Timeout | undefined;
try {
  const gateway = await start("gateway", ["apps/gateway/src/main.ts"], { UPLOAD_TICKET_SECRET: secret, DEVICE_TOKEN_SECRET: secret, PORT: "0", SYNC_INTERVAL_MS: String(SYNC_INTERVAL_MS) });
  await start("worker", ["apps/worker/src/main.ts"], {});
  const buildId = await makeBuild(db);
  const scenarioFile = join(dataDir, "scenario.json");
  await writeFile(scenarioFile, JSON.stringify(SCENARIO));
  const sim = ["apps/device-sim/src/cli.ts", "sim", "--scenario", scenarioFile, "--data-dir", join(dataDir, "fleet")];
  if (ENROL === "bulk") await enrolInBulk(db, sim);
  const { token } = await withTx(db, (tx) => createEnrollmentToken(tx, bench, { maxUses: DEVICES }));
  tell(`${DEVICES} devices, syncs every ${SYNC_INTERVAL_MS / 1000} s, waves ${WAVES.map((w) => w.percent).join("/")} %, ${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}`);
  watching = setInterval(watch, 5_000);
  await stage(`${ENROL === "bulk" ? "first syncs" : "enrolment over HTTP and first syncs"}`, async () => {
    await start("simulator", [...sim, "--server", gateway, "--token", token, "--every", "30"], {}, "all devices are enrolled");
    await until("all devices have synced", 60 * 60_000, async () => (await count(db, "select count(*) as n from device_live")) >= DEVICES);
  });
  await stage("steady for two minutes", () => delay(120_000));
  const fleetId = newId("flt");
  await withTx(db, (tx) => tx.fleet.create({ data: { id: fleetId, name: "all", query: "", createdById: bench.id } }));
  const rollout = await withTx(db, (tx) => createRollout(tx, bench, { buildId, fleetId, waves: WAVES }));
  await stage("rollout in three waves", async () => {
    await withTx(db, (tx) => startRollout(tx, bench, { id: rollout.id }));
    await until("the rollout is over", LONGEST_ROLLOUT_MS, async () => !["running"].includes((await view(rollout.id)).state));
  });
  const done = await view(rollout.id);
  tell(`${done.state}: ${done.verdict}`);
  for (const wave of done.waves) {
    tell(`  wave ${wave.position + 1} (${wave.percent} %): ${wave.counts.total} devices, ${wave.counts.succeeded} succeeded, ${seconds(wave.openedAt, wave.finishedAt)} s from opening to passing`);
  }
  const windows = await count(db, "select coalesce(sum(stored_windows), 0) as n from telemetry_watermark");
  const bytes = await count(db, "select pg_database_size(current_database()) as n");
  tell(`database ${mib(bytes)} MiB, ${windows} latency windows stored; most memory: ${[...peaks].map(([name, most]) => `${name} ${mib(most)} MiB`).join(", ")}`);
} finally {
  clearInterval(watching);
  for (const child of [...children.values()].toReversed()) await stop(child);
  await db.close();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}

/** Starts a process and answers the address it says it serves once it has logged `message`. */
async function start(name: string, args: readonly string[], env: Record<string, string>, message = "ready"): Promise<string> {
  const child = spawn(process.execPath, args, { env: { ...common, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  children.set(name, child);
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = parse(line);
      if (entry["msg"] === message) resolve(String(entry["url"] ?? ""));
      if (name === "simulator" && "numbers" in entry) tell(`  ${String(entry["msg"])}`);
    });
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
  });
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill("SIGTERM");
  await new Promise((resolve) => child.once("exit", resolve));
}

/** Through the worker as any model: import, build. */
async function makeBuild(on: Db): Promise<string> {
  const model = demoConvNet({ seed: 1, channels: 8 });
  const sha256 = createHash("sha256").update(model).digest("hex");
  const artifact = await directoryStore(join(dataDir, "store")).put(model);
  const { id: modelId } = await withTx(on, (tx) => createModel(tx, bench, { name: "digit-reader" }));
  const versionId = await withTx(on, async (tx) => {
    await recordArtifacts(tx, [artifact]);
    const upload = await createUpload(tx, bench, { filename: "digits.onnx", sizeBytes: model.length, sha256 });
    return (await createVersion(tx, bench, { modelId, files: [{ uploadId: upload.uploadId }] })).id;
  });
  await until("the version is ready", 60_000, async () => (await withTx(on, (tx) => getVersion(tx, bench, versionId))).state === "ready");
  const { id } = await withTx(on, (tx) => createBuild(tx, bench, { name: "digits 1", variants: [{ versionId }] }));
  await until("the build is ready", 60_000, async () => (await withTx(on, (tx) => getBuild(tx, bench, id))).state === "ready");
  return id;
}

type Exported = { name: string; publicKey: string; class: { name: string; arch: string }; labels: Record<string, string> };

async function enrolInBulk(on: Db, sim: readonly string[]): Promise<void> {
  const file = join(dataDir, "devices.jsonl");
  await new Promise((resolve) => spawn(process.execPath, [...sim, "--export", file], { env: common, stdio: "inherit" }).once("exit", resolve));
  const devices = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "").map((line) => ({ ...(JSON.parse(line) as Exported), id: newId("dev") }));
  for (let from = 0; from < devices.length; from += 5_000) {
    const part = devices.slice(from, from + 5_000);
    await withSql(on, async (sql) => {
      await sql.query(
        `insert into device (id, name, public_key, labels, class_name, class, simulated)
         select d.id, d.name, d.public_key, d.labels, d.class_name, d.class, true from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::jsonb[]) as d(id, name, public_key, labels, class_name, class)`,
        [
          part.map((d) => d.id), part.map((d) => d.name), part.map((d) => d.publicKey), part.map((d) => JSON.stringify({ ...d.labels, class: d.class.name, arch: d.class.arch })),
          part.map((d) => d.class.name), part.map((d) => JSON.stringify(d.class)),
        ],
      );
      await touchRegistry(sql, part.map((d) => d.id));
    });
  }
  await writeFile(join(dataDir, "fleet/enrolled.tsv"), devices.map((d) => `${d.name}\t${d.id}\n`).join(""));
  await on.pool.query("analyze device");
}

async function view(id: string): ReturnType<typeof getRollout> {
  return withTx(db, (tx) => getRollout(tx, bench, { id }), { timeoutMs: 60_000 });
}

async function count(on: Db, text: string): Promise<number> {
  const [row] = await withSql(on, (sql) => sql.query<{ n: bigint | string }>(text));
  return Number(row?.n ?? 0);
}

async function until(what: string, withinMs: number, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAtMs) throw new Error(`gave up waiting until ${what}`);
    for (const [name, child] of children) if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    await delay(2_000);
  }
}

/** Who is measured, by name. */
function pids(): [string, number][] {
  return [["PostgreSQL", server.pid], ...[...children].map(([name, child]): [string, number] => [name, child.pid ?? 0])];
}

function watch(): Map<string, Usage> {
  const now = new Map(pids().map(([name, pid]) => [name, usageOf(pid)]));
  for (const [name, { rssBytes }] of now) peaks.set(name, Math.max(peaks.get(name) ?? 0, rssBytes));
  return now;
}

/** Runs one stage and prints what it took. */
async function stage(name: string, work: () => Promise<unknown>): Promise<void> {
  const before = watch();
  const beganMs = performance.now();
  await work();
  const wall = (performance.now() - beganMs) / 1000;
  const used = [...watch()].map(([who, usage]) => `${who} ${(usage.cpuSeconds - (before.get(who)?.cpuSeconds ?? 0)).toFixed(0)} s / ${mib(usage.rssBytes)} MiB`);
  tell(`${name}: ${wall.toFixed(0)} s; CPU / memory: ${used.join(", ")}; load average ${loadavg()[0]?.toFixed(1)}`);
}

function tell(sentence: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${sentence}`);
}

function seconds(from: string | null, to: string | null): string {
  return from === null || to === null ? "–" : ((Date.parse(to) - Date.parse(from)) / 1000).toFixed(0);
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
