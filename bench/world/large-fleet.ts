import { randomBytes } from "node:crypto";
import { withSql, withTx, type Db, type Sql } from "@flotilla/db";
import { newId, touchRegistry } from "@flotilla/fleet";
import type { BuildManifest, LatencyHistogram } from "@flotilla/protocol";
import { benchRandom, minuteOf } from "./latency-minute.ts";

// A fleet as it looks after a year, written in bulk: devices, what they said last, builds, a rollout that is over, latency.

export const CLASSES = ["pi4", "pi5", "jetson-nano", "x86-gateway", "orin"] as const;
export const SITES = ["hamburg", "lyon", "osaka", "austin", "recife", "nairobi", "pune", "tallinn"] as const;
const CHUNK = 5_000;
const HOUR_MS = 3_600_000;

export type LargeFleet = { deviceIds: string[]; fleetId: string; builds: string[] };

/** Seeds devices (2 % never seen, 6 % silent for days, 9 % late), four builds, a fleet of all and a completed rollout. */
export async function seedLargeFleet(db: Db, devices: number): Promise<LargeFleet> {
  const builds: string[] = [];
  for (const name of ["digits 1", "digits 2", "digits 3", "digits 4"]) builds.push(await addBuild(db, name));
  const deviceIds: string[] = [];
  for (let from = 0; from < devices; from += CHUNK) {
    deviceIds.push(...(await withSql(db, (sql) => addDevices(sql, from, Math.min(CHUNK, devices - from), builds[0] ?? ""))));
  }
  const fleetId = newId("flt");
  await withTx(db, async (tx) => {
    await tx.fleet.create({ data: { id: fleetId, name: "everything", query: "", createdById: "bench" } });
    await tx.fleet.create({ data: { id: newId("flt"), name: "vision", query: "tier=vision", createdById: "bench" } });
  });
  for (const n of [0, 1]) await withSql(db, (sql) => addCompletedRollout(sql, fleetId, builds[0] ?? "", `earlier ${n}`));
  await db.pool.query("vacuum analyze");
  return { deviceIds, fleetId, builds };
}

export const manifestSha256 = (buildId: string): string => Buffer.from(buildId).toString("hex").padEnd(64, "0").slice(0, 64);
export const modelSha256 = (buildId: string): string => Buffer.from(`${buildId} model`).toString("hex").padEnd(64, "1").slice(-64);

async function addBuild(db: Db, name: string): Promise<string> {
  const id = newId("bld");
  const manifest: BuildManifest = {
    schema: "flotilla/build-manifest/1", buildId: id, name, createdAt: new Date().toISOString(), settings: { intraOpThreads: 1, executionProviders: ["cpu"] },
    variants: [{
      versionId: `ver_${name}`, modelName: name, versionNumber: 1, classes: [], inputs: [], outputs: [], requiredMemoryBytes: 1_000,
      files: [{ name: "model.onnx", role: "model", sha256: modelSha256(id), sizeBytes: 10 }],
      golden: { sha256: modelSha256(name), sizeBytes: 10, relativeTolerance: 0.001, absoluteTolerance: 0.0001 },
    }],
  };
  await withTx(db, async (tx) => {
    await tx.artifact.create({ data: { sha256: manifestSha256(id), sizeBytes: 1234n } });
    await tx.build.create({ data: { id, name, state: "ready", settings: manifest.settings, manifestSha256: manifestSha256(id), manifest, createdById: "bench" } });
  });
  return id;
}

async function addDevices(sql: Sql, from: number, count: number, buildId: string): Promise<string[]> {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  const ids = numbers.map(() => newId("dev"));
  const classOf = (n: number): string => CLASSES[(n * 37) % CLASSES.length] ?? "pi4";
  const labelsOf = (n: number): string => JSON.stringify({ class: classOf(n), arch: "arm64", site: SITES[(n * 7) % SITES.length], tier: n % 3 === 0 ? "vision" : "edge" });
  const statedOf = (n: number): string =>
    JSON.stringify({ name: classOf(n), arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime-node", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 2 ** 31, simulated: true });
  await sql.query(
    `insert into device (id, name, public_key, labels, class_name, class, simulated, enrolled_at)
     select id, name, $1, labels::jsonb, class_name, class::jsonb, true, now() - interval '90 days' * random()
       from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as d(id, name, labels, class_name, class)`,
    ["MCowBQYDK2VwAyEA".padEnd(60, "A"), ids, numbers.map((n) => `${classOf(n)}-${String(n).padStart(6, "0")}`), numbers.map(labelsOf), numbers.map(classOf), numbers.map(statedOf)],
  );
  const seen = numbers.flatMap((n, i) => (n % 50 === 0 ? [] : [{ id: ids[i], secondsAgo: n % 17 === 0 ? 86_400 * (1 + (n % 5)) : n % 11 === 0 ? 150 : n % 20 }]));
  await sql.query(
    `insert into device_live (device_id, last_seen_at, boot_id, slots, resources, agent_version, running_build_id, running_version_id, running_sha256, running_since)
     select id, now() - make_interval(secs => seconds_ago), 'seeded-boot', $1::jsonb, $2::jsonb, '0.1.0', $3, 'ver', $4, now() - interval '1 day'
       from unnest($5::text[], $6::float8[]) as s(id, seconds_ago)`,
    [
      JSON.stringify([{ slot: "a", buildId, versionId: "ver", state: "active", manifestSha256: manifestSha256(buildId) }, { slot: "b", buildId: null, versionId: null, state: "empty" }]),
      JSON.stringify({ rssBytes: 80e6, freeMemoryBytes: 1e9, freeDiskBytes: 10e9, queuedWindows: 0, temperatureC: null }),
      buildId, manifestSha256(buildId), seen.map((s) => s.id), seen.map((s) => s.secondsAgo),
    ],
  );
  await sql.query(
    "insert into device_target (device_id, target_version, build_id, deployment_id, change_seq) select d.id, 1, $2, null, 0 from unnest($1::text[]) as d(id)",
    [ids, buildId],
  );
  await touchRegistry(sql, ids);
  return ids;
}

/** 98.5 % succeeded, the rest failed in three ways. */
async function addCompletedRollout(sql: Sql, fleetId: string, buildId: string, name: string): Promise<void> {
  const id = newId("rol");
  const policy = { inProgressTimeoutMs: 1_800_000, maxAttempts: 2, offlineAfterMs: 90_000, minSample: 5, waveTimeoutMs: 3_600_000 };
  await sql.query(
    `insert into rollout (id, name, build_id, fleet_id, query, salt, state, policy, created_by_id, started_at, finished_at, created_at)
     values ($1, $2, $3, $4, '', $5, 'completed', $6::jsonb, 'bench', now() - interval '2 days', now() - interval '1 day', now() - interval '2 days')`,
    [id, name, buildId, fleetId, randomBytes(8).toString("hex"), policy],
  );
  await sql.query(
    `insert into wave (rollout_id, position, percent, soak_seconds, max_failure_percent, state, opened_at, finished_at)
     select $1, p - 1, (array[1, 10, 100])[p], 60, 10, 'passed', now() - interval '2 days', now() - interval '1 day' from generate_series(1, 3) as p`,
    [id],
  );
  await sql.query(
    `insert into deployment (id, rollout_id, device_id, wave_position, state, build_id, failure_code, failure_detail, class_name, offered_at, finished_at)
     select 'dep_' || lpad(to_hex(row_number() over (order by d.id)), 8, '0') || substr($1, 12), $1, d.id, case when n < 1 then 0 when n < 10 then 1 else 2 end,
            (case when f < 0.985 then 'succeeded' when f < 0.99 then 'rolled_back' else 'failed' end)::deployment_state, $2,
            case when f < 0.985 then null when f < 0.99 then 'probation_failed' else 'load_failed' end, case when f < 0.985 then null else 'the model could not be opened' end,
            d.class_name, now() - interval '2 days', now() - interval '1 day'
       from (select id, class_name, random() * 100 as n, random() as f from device) d`,
    [id, buildId],
  );
}

/** 24 h of minutes of 20 keys (5 classes, 4 builds) in the fleet and in "*", two hours of every device, a day of 500. */
export async function seedLatency(db: Db, fleet: LargeFleet, nowMs: number): Promise<void> {
  const random = benchRandom();
  // Shapes of a minute are drawn once and used again: what counts here is how many slots a row has.
  const shapes = Array.from({ length: 48 }, (_, i) => minuteOf(2_000, 4 + (i % 12), random));
  for (const fleetId of ["*", fleet.fleetId]) {
    for (const [c, className] of CLASSES.entries()) {
      for (const [b, buildId] of fleet.builds.entries()) await addMinutes(db, { fleetId, className, buildId, shape: (m) => shapes[(m * 7 + c * 5 + b) % shapes.length] ?? minuteOf(1, 1, random) }, nowMs);
    }
  }
  const one = minuteOf(120, 6, random);
  const values = [fleet.builds[0], one.count, one.sumMs, one.minMs, one.maxMs, one.encode()];
  const insert = (which: string, hours: number): Promise<unknown> =>
    db.pool.query(
      `insert into device_latency (device_id, build_id, version_id, mode, step, at, count, errors, sum_ms, min_ms, max_ms, buckets)
       select d.id, $1, 'ver_1', 'simulated', 'hour', date_trunc('hour', now()) - h * interval '1 hour', $2::bigint, 0, $3::float8, $4::float8, $5::float8, $6::bytea
         from (${which}) d cross join generate_series(0, ${hours - 1}) as h on conflict do nothing`,
      values,
    );
  await insert("select id from device", 2);
  await insert("select id from device order by id desc limit 500", 24);
  await db.pool.query("analyze");
}

async function addMinutes(db: Db, key: { fleetId: string; className: string; buildId: string; shape: (minute: number) => LatencyHistogram }, nowMs: number): Promise<void> {
  const minutes = Array.from({ length: (24 * HOUR_MS) / 60_000 }, (_, m) => ({ at: new Date(Math.floor(nowMs / 60_000) * 60_000 - m * 60_000), h: key.shape(m) }));
  await withSql(db, (sql) =>
    sql.query(
      `insert into latency_minute (fleet_id, build_id, version_id, class_name, mode, at, count, errors, sum_ms, min_ms, max_ms, buckets)
       select $1, $2, 'ver_1', $3, 'simulated', k.at, k.count, 0, k.sum_ms, k.min_ms, k.max_ms, k.buckets
         from unnest($4::timestamptz[], $5::bigint[], $6::float8[], $7::float8[], $8::float8[], $9::bytea[]) as k(at, count, sum_ms, min_ms, max_ms, buckets)`,
      [
        key.fleetId, key.buildId, key.className, minutes.map((m) => m.at), minutes.map((m) => m.h.count), minutes.map((m) => m.h.sumMs),
        minutes.map((m) => m.h.minMs), minutes.map((m) => m.h.maxMs), minutes.map((m) => m.h.encode()),
      ],
    ),
  );
}
