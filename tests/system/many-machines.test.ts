import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDb, withSql, withTx, type TestDb, type Tx } from "@flotilla/db";
import {
  createBuild, createEnrollmentToken, createFleet, createModel, createRollout, createUpload, createVersion, getBuild, getJob, getRollout, getVersion, partPath, revokeDevice,
  signUploadTicket, startRollout, systemPrincipal,
} from "@flotilla/fleet";
import { buildModel, floatTensor } from "@flotilla/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BareDevice, post, startBalancer, startProgram, type Balancer, type Program } from "./machines.ts";
import { Stop, until } from "./platform.ts";

// The outgrown form: three gateways behind a balancer and three workers, as processes that share a database and an S3 store and nothing else.

const DEVICES = 6;
const secrets = { UPLOAD_TICKET_SECRET: "u".repeat(32), DEVICE_TOKEN_SECRET: "d".repeat(32) };
const keys = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: randomBytes(20).toString("hex") };
const operator = systemPrincipal("many machines");

let database: TestDb;
let scratch: string;
let s3: Program;
let env: Record<string, string>;
const gateways: Program[] = [];
const workers: Program[] = [];
let balancer: Balancer;
let simulator: Program | null = null;

const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(database.db, fn);
const startGateway = (): Promise<Program> => startProgram("apps/gateway/src/main.ts", { ...env, PORT: "0", SYNC_INTERVAL_MS: "1000" });
const startWorker = (n: number): Promise<Program> => startProgram("apps/worker/src/main.ts", { ...env, WORK_DIR: join(scratch, `work-${n}`), WORKER_CONCURRENCY: "1", ROLLOUT_TICK_MS: "300", JOB_LEASE_MS: "3000" });
const urlOf = (n: number): string => String(gateways[n]?.ready["url"]);

beforeAll(async () => {
  database = await testDb();
  scratch = mkdtempSync(join(tmpdir(), "flotilla-machines-"));
  s3 = await startProgram("packages/fleet/src/artifacts/testing/s3-double-main.ts", keys);
  env = { DATABASE_URL: database.url, ARTIFACT_STORE: `s3://${String(s3.ready["bucket"])}/fleet`, S3_ENDPOINT: String(s3.ready["url"]), S3_REGION: String(s3.ready["region"]), S3_FORCE_PATH_STYLE: "true", ...secrets, ...keys };
  const started = await Promise.all([startGateway(), startGateway(), startGateway(), startWorker(1), startWorker(2), startWorker(3)]);
  gateways.push(...started.slice(0, 3));
  workers.push(...started.slice(3));
  balancer = await startBalancer([urlOf(0), urlOf(1), urlOf(2)]);
});

afterAll(async () => {
  await balancer?.close();
  await Promise.all([...gateways, ...workers, ...(simulator === null ? [] : [simulator])].map((program) => program.kill()));
  await s3?.stop();
  await database?.drop();
  rmSync(scratch, { recursive: true, force: true });
});

/** 17 MiB in three parts, quick to run: nearly all of it is one matrix. */
function model(): Uint8Array {
  const [rows, columns] = [1024, 4400];
  return buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [1, rows] }],
      outputs: [{ name: "y", elementType: "float32", shape: [1, columns] }],
      initializers: [floatTensor("w", [rows, columns], Float32Array.from({ length: rows * columns }, (_, i) => (i % 17) / 1000))],
      nodes: [{ opType: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    },
  });
}

async function upload(bytes: Uint8Array): Promise<string> {
  const announced = await tx((t) => createUpload(t, operator, { filename: "wide.onnx", sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }));
  expect(announced.partCount).toBe(3);
  const path = partPath(signUploadTicket(secrets.UPLOAD_TICKET_SECRET, { purpose: "parts", subject: announced.uploadId }, Date.now()));
  for (let n = 1; n <= 3; n += 1) {
    const part = bytes.subarray((n - 1) * announced.partSizeBytes, n * announced.partSizeBytes);
    const answer = await fetch(`${urlOf(n - 1)}${path}/${n}`, { method: "PUT", body: part as Uint8Array<ArrayBuffer> });
    expect(answer.status, await answer.text()).toBe(200);
    // The gateway that has taken the first part dies before the others are there.
    if (n === 1) await gateways[0]?.kill();
  }
  const ticket = signUploadTicket(secrets.UPLOAD_TICKET_SECRET, { purpose: "commit", subject: announced.uploadId }, Date.now());
  const committed = await fetch(`${balancer.url}/artifacts/uploads/${ticket}/commit`, { method: "POST" });
  expect(committed.status, await committed.text()).toBe(200);
  return announced.uploadId;
}

// In this order: the later ones ask the gateways that are left.
describe("many machines", { shuffle: false }, () => {
  test("three gateways and three workers do what one of each does, and lose nothing when some are killed", async () => {
    const beganMs = performance.now();
    const times: string[] = [];
    const passed = (what: string): number => times.push(`${what} ${((performance.now() - beganMs) / 1000).toFixed(1)}`);
    const enrolment = (await tx((t) => createEnrollmentToken(t, operator, { maxUses: 20 }))).token;
    const scenario = { seed: 3, devices: DEVICES, windowMs: 1_000, inferenceIntervalMs: 200, classes: [{ name: "pi5", arch: "arm64", isa: ["neon"], speedFactor: 1, memoryBytes: 8 * 2 ** 30, share: 1 }] };
    writeFileSync(join(scratch, "scenario.json"), JSON.stringify(scenario));
    simulator = await startProgram("apps/device-sim/src/cli.ts", {}, ["sim", "--scenario", join(scratch, "scenario.json"), "--server", balancer.url, "--token", enrolment, "--data-dir", join(scratch, "devices")]);

    // An upload through three gateways, of which one is killed.
    const uploadId = await upload(model());
    passed("uploaded");

    // An import whose worker is killed.
    const version = await tx(async (t) => createVersion(t, operator, { modelId: (await createModel(t, operator, { name: "wide" })).id, files: [{ uploadId }] }));
    const job = (id: string) => tx((t) => getJob(t, operator, id));
    const importJobId = version.importJobId ?? "";
    const workerId = await until("a worker has the import", async () => (await job(importJobId)).workerId);
    await workers.find(({ ready }) => ready["workerId"] === workerId)?.kill();
    await until("another worker has imported the model", async () => {
      const now = await tx((t) => getVersion(t, operator, version.id));
      if (now.state === "rejected") throw new Stop(`rejected: ${now.rejectReason}`);
      return now.state === "ready";
    });
    const imported = await job(importJobId);
    expect(imported).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(imported.workerId).not.toBe(workerId);

    passed("imported");

    // A rollout during which the second gateway is killed and the first comes back elsewhere.
    const build = await tx((t) => createBuild(t, operator, { name: "wide 1", variants: [{ versionId: version.id }], settings: {} }));
    await until("the build is ready", async () => (await tx((t) => getBuild(t, operator, build.id))).state === "ready");
    passed("built");
    await until("all devices report", async () => (await database.db.prisma.deviceLive.count()) === DEVICES);
    const rollout = await tx(async (t) => {
      const fleet = await createFleet(t, operator, { name: "all", query: "" });
      const { id } = await createRollout(t, operator, { buildId: build.id, fleetId: fleet.id, waves: [{ percent: 34, soakSeconds: 0 }, { percent: 100, soakSeconds: 0 }] });
      return await startRollout(t, operator, { id });
    });
    const look = () => tx((t) => getRollout(t, operator, { id: rollout.id }));
    await until("the first devices have the build", async () => (await look()).counts.succeeded > 0);
    passed("first wave");
    gateways.push(await startGateway());
    balancer.setUpstreams([urlOf(1), urlOf(2), urlOf(3)]);
    await gateways[1]?.kill();
    const done = await until("the rollout is complete", async () => {
      const now = await look();
      if (now.state === "halted") throw new Stop(`halted: ${now.verdict}`);
      return now.state === "completed" ? now : null;
    });
    expect(done.counts).toMatchObject({ total: DEVICES, succeeded: DEVICES, failed: 0, rolledBack: 0 });

    passed("rolled out");

    // Every gateway has answered; the ledgers hold everything up to their marks, once.
    for (const n of [1, 2, 3]) expect(balancer.answered.get(urlOf(n)) ?? 0, `gateway ${n}`).toBeGreaterThan(0);
    // The device that took the build last has run it for less than a window when the rollout is complete.
    const marks = await until("all devices have sent a window", async () => {
      const rows = await withSql(database.db, (sql) => sql.query<{ seq: bigint; stored: bigint; dropped: bigint }>("select seq, stored_windows as stored, dropped_windows as dropped from telemetry_watermark"));
      return rows.length === DEVICES ? rows : null;
    });
    for (const { seq, stored, dropped } of marks) expect([Number(stored) + Number(dropped), Number(dropped)]).toEqual([Number(seq), 0]);
    process.stdout.write(`many machines: ${DEVICES} devices, 2 gateways and 1 worker killed, ${marks.reduce((sum, { seq }) => sum + Number(seq), 0)} windows; seconds: ${times.join(", ")}\n`);
  });

  test("a nonce that one gateway took is refused by the others, tokens hold everywhere, and so does a revocation, within 2 s", async () => {
    const [a, b] = [urlOf(2), urlOf(3)];
    const device = new BareDevice("bare-1");
    await device.enroll(a, (await tx((t) => createEnrollmentToken(t, operator, { maxUses: 1 }))).token);
    const signed = device.tokenRequest(await device.nonce(b));
    const first = await post<{ token: string }>(`${a}/device/v1/token`, signed);
    expect(first.status).toBe(200);
    for (const gateway of [a, b]) expect(await post(`${gateway}/device/v1/token`, signed), gateway).toMatchObject({ status: 403, body: { code: "proof_invalid" } });
    const authorization = `Bearer ${first.body.token}`;
    const absent = "0".repeat(64);
    const artifact = (gateway: string, sha256: string, more: Record<string, string> = {}) => fetch(`${gateway}/device/v1/artifacts/${sha256}`, { headers: { authorization, ...more }, redirect: "manual" });
    for (const gateway of [a, b]) expect((await artifact(gateway, absent)).status, gateway).toBe(404);

    await tx((t) => revokeDevice(t, operator, { deviceId: device.deviceId, reason: "stolen" }));
    const sinceMs = performance.now();
    await expect.poll(async () => Promise.all([a, b].map(async (gateway) => (await artifact(gateway, absent)).status)), { timeout: 2_000, interval: 20 }).toEqual([403, 403]);
    process.stdout.write(`revocation bit at both gateways after ${Math.round(performance.now() - sinceMs)} ms\n`);
  });

  test("a device that follows redirects is sent to the store; one that does not gets the same bytes from any gateway", async () => {
    const device = new BareDevice("bare-2");
    await device.enroll(urlOf(2), (await tx((t) => createEnrollmentToken(t, operator, { maxUses: 1 }))).token);
    const { token } = (await post<{ token: string }>(`${urlOf(3)}/device/v1/token`, device.tokenRequest(await device.nonce(urlOf(2))))).body;
    // The manifest of the build that was rolled out; a device gets only what belongs to its own builds.
    const [wished] = await withSql(database.db, (sql) =>
      sql.query<{ sha256: string }>(
        `with wish as (insert into device_target (device_id, build_id, target_version, change_seq) select $1, id, 1, 1 from build where state = 'ready' limit 1 returning build_id)
         select manifest_sha256 as sha256 from build join wish on build.id = wish.build_id`,
        [device.deviceId],
      ));
    const sha256 = wished?.sha256 ?? "";
    const get = (gateway: string, more: Record<string, string> = {}) => fetch(`${gateway}/device/v1/artifacts/${sha256}`, { headers: { authorization: `Bearer ${token}`, ...more }, redirect: "manual" });
    const redirected = await get(urlOf(2), { "x-flotilla-follows-redirects": "1" });
    expect(redirected.status).toBe(307);
    const fromStore = Buffer.from(await (await fetch(redirected.headers.get("location") ?? "")).arrayBuffer());
    expect(redirected.headers.get("location")).toContain(String(s3.ready["url"]));
    for (const gateway of [urlOf(2), urlOf(3)]) expect(Buffer.from(await (await get(gateway)).arrayBuffer()).equals(fromStore)).toBe(true);
    expect(createHash("sha256").update(fromStore).digest("hex")).toBe(sha256);
  });
});
