import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, withSql, withTx, type Db, type Tx } from "@flotilla/db";
import { migrate, startEmbeddedPostgres } from "@flotilla/db/setup";
import {
  createBuild, createEnrollmentToken, createFleet, createModel, createRollout, createUpload, createVersion, directoryStore, finishUpload, getBuild, getRollout, getVersion,
  startRollout, systemPrincipal,
} from "@flotilla/fleet";
import { demoConvNet } from "@flotilla/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startProgram, type Program } from "./machines.ts";
import { Stop, until } from "./platform.ts";

// Yesterday's back-up is put back while devices have gone on for a day. The back-up is what an operator of the embedded database can
// make: a copy of the stopped cluster's files. A dump put back with pg_restore leaves the same rows.

const operator = systemPrincipal("restore test");
const secrets = { UPLOAD_TICKET_SECRET: "u".repeat(32), DEVICE_TOKEN_SECRET: "d".repeat(32) };
const scratch = mkdtempSync(join(tmpdir(), "flotilla-restore-"));
const dataDir = join(scratch, "postgres");
const storeDir = join(scratch, "store");

let postgres: { url: string; stop(): Promise<void> };
let db: Db;
let gateway: Program;
let worker: Program;
const simulators: Program[] = [];
let port = "0";
let fleetId = "";
let versionId = "";

const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(db, fn);

async function startServers(): Promise<void> {
  postgres = await startEmbeddedPostgres({ dataDir, isDurable: false });
  await migrate(postgres.url);
  db = connect(postgres.url, { applicationName: "restore test" });
  const env = { DATABASE_URL: postgres.url, ARTIFACT_STORE: storeDir, ...secrets };
  [gateway, worker] = await Promise.all([
    startProgram("apps/gateway/src/main.ts", { ...env, PORT: port, SYNC_INTERVAL_MS: "500" }),
    startProgram("apps/worker/src/main.ts", { ...env, WORKER_CONCURRENCY: "1", ROLLOUT_TICK_MS: "200" }),
  ]);
  port = new URL(String(gateway.ready["url"])).port;
}

/** With owners and modes: PostgreSQL starts on nothing else. */
function copyFolder(from: string, to: string): void {
  execFileSync("cp", ["-a", from, to]);
}

async function stopServers(): Promise<void> {
  await Promise.all([gateway.stop(), worker.stop()]);
  await db.close();
  await postgres.stop();
}

async function startFleet(prefix: string, devices: number, token: string): Promise<void> {
  const file = join(scratch, `${prefix}.json`);
  const classes = [{ name: "pi5", arch: "arm64", isa: ["neon"], speedFactor: 1, memoryBytes: 8 * 2 ** 30, share: 1 }];
  writeFileSync(file, JSON.stringify({ seed: 1, devices, namePrefix: prefix, windowMs: 1_000, inferenceIntervalMs: 100, classes }));
  simulators.push(await startProgram("apps/device-sim/src/cli.ts", {}, ["sim", "--scenario", file, "--server", `http://127.0.0.1:${port}`, "--token", token, "--data-dir", join(scratch, prefix)]));
}

type Device = { name: string; known: number; wanted: number | null; wantedBuild: string | null; runningBuild: string | null; seq: number; stored: number; dropped: number };

/** What the platform knows of each device: target versions on both sides, what runs, and its ledger. */
async function devices(): Promise<Map<string, Device>> {
  const rows = await withSql(db, (sql) =>
    sql.query<{ name: string; known: bigint; wanted: bigint | null; wanted_build: string | null; running_build: string | null; seq: bigint | null; stored: bigint | null; dropped: bigint | null }>(
      `select d.name, l.target_version as known, t.target_version as wanted, t.build_id as wanted_build, l.running_build_id as running_build,
              w.seq, w.stored_windows as stored, w.dropped_windows as dropped
         from device d join device_live l on l.device_id = d.id left join device_target t on t.device_id = d.id
         left join lateral (select * from telemetry_watermark w where w.device_id = d.id order by w.updated_at desc limit 1) w on true`,
    ),
  );
  return new Map(
    rows.map((row) => [row.name, {
      name: row.name, known: Number(row.known), wanted: row.wanted === null ? null : Number(row.wanted), wantedBuild: row.wanted_build, runningBuild: row.running_build,
      seq: Number(row.seq ?? 0), stored: Number(row.stored ?? 0), dropped: Number(row.dropped ?? 0),
    }]),
  );
}

async function rollOut(name: string): Promise<string> {
  const build = await tx((t) => createBuild(t, operator, { name, variants: [{ versionId }], settings: {} }));
  await until(`build ${name} is ready`, async () => (await tx((t) => getBuild(t, operator, build.id))).state === "ready");
  const rollout = await tx(async (t) => startRollout(t, operator, { id: (await createRollout(t, operator, { buildId: build.id, fleetId, waves: [{ percent: 100, soakSeconds: 0 }] })).id }));
  await until(`rollout of ${name} is complete`, async () => {
    const now = await tx((t) => getRollout(t, operator, { id: rollout.id }));
    if (now.state === "halted") throw new Stop(`halted: ${now.verdict}`);
    return now.state === "completed";
  }, 120_000);
  return build.id;
}

beforeAll(async () => {
  await startServers();
});

afterAll(async () => {
  await Promise.all([...simulators, gateway, worker].map((program) => program?.kill()));
  await db?.close();
  await postgres?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

test("yesterday's back-up, with devices ahead of it: nothing is bricked, all reconverge, ledgers go on, and the next rollout works", async () => {
  const DEVICES = 3;
  const beganMs = performance.now();
  const times: string[] = [];
  const passed = (what: string): number => times.push(`${what} ${((performance.now() - beganMs) / 1000).toFixed(1)}`);
  const token = (await tx((t) => createEnrollmentToken(t, operator, { maxUses: 50 }))).token;
  await startFleet("early", DEVICES, token);
  const model = demoConvNet({ seed: 5 });
  const ref = await directoryStore(storeDir).put(model);
  expect(ref.sha256).toBe(createHash("sha256").update(model).digest("hex"));
  const version = await tx(async (t) => {
    const upload = await createUpload(t, operator, { filename: "m.onnx", ...ref });
    await finishUpload(t, upload.uploadId);
    fleetId = (await createFleet(t, operator, { name: "all", query: "" })).id;
    return createVersion(t, operator, { modelId: (await createModel(t, operator, { name: "m" })).id, files: [{ uploadId: upload.uploadId }] });
  });
  versionId = version.id;
  await until("the model is imported", async () => (await tx((t) => getVersion(t, operator, versionId))).state === "ready");
  await until("all devices report", async () => (await devices()).size === DEVICES);
  const yesterday = await rollOut("yesterday");

  await stopServers();
  copyFolder(dataDir, join(scratch, "backup"));
  await startServers();

  passed("backed up");

  // The day after the back-up: a rollout, a device more, and telemetry that is acknowledged.
  const backedUp = await devices();
  await startFleet("late", 1, token);
  await until("the late device reports", async () => (await devices()).size === DEVICES + 1);
  const today = await rollOut("today");
  const ahead = await until("every device has gone on", async () => {
    const now = await devices();
    return [...now.values()].every((device) => device.runningBuild === today && device.seq > (backedUp.get(device.name)?.seq ?? 0) + 3) ? now : null;
  }, 120_000);

  passed("gone on");

  await stopServers();
  rmSync(dataDir, { recursive: true, force: true });
  copyFolder(join(scratch, "backup"), dataDir);
  await startServers();

  passed("restored");

  const back = await until("all devices run what the restored platform wants, under a version above all they knew", async () => {
    const now = await devices();
    const early = [...now.values()].filter(({ name }) => backedUp.has(name));
    return early.length === DEVICES && early.every((d) => d.wantedBuild === yesterday && d.runningBuild === yesterday && d.known === d.wanted && d.known > (ahead.get(d.name)?.known ?? 0)) ? now : null;
  }, 120_000);
  passed("reconverged");
  await until("the device that the back-up does not know has enrolled again", async () => (await devices()).size === DEVICES + 1, 120_000);
  const whole = await until("every ledger is past what was acknowledged before", async () => {
    const now = await devices();
    return [...now.values()].every((device) => !backedUp.has(device.name) || device.seq > (ahead.get(device.name)?.seq ?? 0)) ? now : null;
  }, 120_000);
  let lost = 0;
  for (const device of whole.values()) {
    expect(device.stored + device.dropped, device.name).toBe(device.seq);
    lost += device.dropped;
  }
  // What was acknowledged after the back-up went with the database; the devices had deleted it, and declare it.
  expect(lost).toBeGreaterThan(0);

  passed("ledgers on");

  const next = await rollOut("after the restore");
  for (const device of (await devices()).values()) expect(device, device.name).toMatchObject({ runningBuild: next, wantedBuild: next });
  passed("rolled out again");
  const versions = [...back.values()].filter(({ name }) => backedUp.has(name)).map((d) => `${backedUp.get(d.name)?.known}→${ahead.get(d.name)?.known}→${d.known}`);
  process.stdout.write(`restore: target versions at the back-up → before the restore → after it: ${versions.join(", ")}; ${lost} windows declared dropped; seconds: ${times.join(", ")}\n`);
});
