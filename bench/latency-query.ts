// How long a fleet's p99 over 24 hours takes, from roll-up rows as 10,000 devices in 4 classes and 2 builds leave them.
// node bench/latency-query.ts   (DATABASE_URL: a server to make a scratch database on; else an embedded one is started)
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { connect, withSql, withTx, type Db } from "@flotilla/db";
import { migrate, startEmbeddedPostgres } from "@flotilla/db/setup";
import { queryLatency, rollUp, systemPrincipal, type LatencyQuery } from "@flotilla/fleet";
import { LatencyHistogram } from "@flotilla/protocol";
import { benchRandom, minuteOf } from "./world/latency-minute.ts";

const DEVICES = 10_000;
const CLASSES = ["pi4", "pi5", "jetson", "x86"];
const BUILDS = ["bld_1", "bld_2"];
const MINUTES = 24 * 60;
/** Inferences of one device in a minute. */
const SAMPLES_PER_DEVICE_MINUTE = 120;
const RUNS = 15;

const nowMs = Date.now();
const dataDir = await mkdtemp(join(tmpdir(), "flotilla-bench-"));
const server = process.env["DATABASE_URL"] ? null : await startEmbeddedPostgres({ dataDir });
const url = server?.url ?? process.env["DATABASE_URL"] ?? "";
try {
  await migrate(url);
  const db = connect(url, { applicationName: "flotilla bench" });
  try {
    await fill(db);
    const hours = await timed(() => withSql(db, (sql) => rollUp(sql, new Date(nowMs))));
    console.log(`roll-up of 24 hours: ${Math.round(hours.ms)} ms`);
    await measure(db);
  } finally {
    await db.close();
  }
} finally {
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
}

async function fill(db: Db): Promise<void> {
  const random = benchRandom();
  const perKey = Math.round((DEVICES / CLASSES.length / BUILDS.length) * SAMPLES_PER_DEVICE_MINUTE);
  // The shape of a minute is drawn from 2,000 samples and scaled: as many slots as the real one, in a fraction of the time.
  const scale = Math.round(perKey / 2_000);
  let rows = 0;
  let bytes = 0;
  for (const fleet of ["*", "flt_all"]) {
    for (const [c, className] of CLASSES.entries()) {
      for (const [b, build] of BUILDS.entries()) {
        const list = { at: [] as Date[], count: [] as number[], sum: [] as number[], min: [] as number[], max: [] as number[], buckets: [] as Uint8Array[] };
        for (let minute = 0; minute < MINUTES; minute += 1) {
          const shape = minuteOf(2_000, 4 * (c + 1) * (b === 0 ? 1 : 0.7), random);
          const h = new LatencyHistogram();
          h.addSparse(shape.toSparse().map((n, i) => (i % 2 === 0 ? n : n * scale)), { sumMs: shape.sumMs * scale, minMs: shape.minMs, maxMs: shape.maxMs });
          list.at.push(new Date(Math.floor(nowMs / 60_000) * 60_000 - minute * 60_000));
          list.count.push(h.count);
          list.sum.push(h.sumMs);
          list.min.push(h.minMs);
          list.max.push(h.maxMs);
          list.buckets.push(h.encode());
          bytes += list.buckets.at(-1)?.length ?? 0;
        }
        rows += MINUTES;
        await withSql(db, (sql) =>
          sql.query(
            `insert into latency_minute (fleet_id, build_id, version_id, class_name, mode, at, count, errors, sum_ms, min_ms, max_ms, buckets)
             select $1, $2, $3, $4, 'field', k.at, k.count, 0, k.sum_ms, k.min_ms, k.max_ms, k.buckets
               from unnest($5::timestamptz[], $6::bigint[], $7::float8[], $8::float8[], $9::float8[], $10::bytea[]) as k(at, count, sum_ms, min_ms, max_ms, buckets)`,
            [fleet, build, `ver_${b + 1}`, className, list.at, list.count, list.sum, list.min, list.max, list.buckets],
          ),
        );
      }
    }
  }
  await withSql(db, async (sql) => {
    await sql.query("insert into fleet (id, name, query, created_by_id) values ('flt_all', 'all', '', 'bench')");
    await sql.query("analyze");
  });
  console.log(`${rows} minute rows of ${Math.round(bytes / rows)} bytes: ${DEVICES} devices, ${CLASSES.length} classes, ${BUILDS.length} builds, 24 h, ${((perKey * CLASSES.length * BUILDS.length * MINUTES) / 1e9).toFixed(2)} thousand million samples`);
}

async function measure(db: Db): Promise<void> {
  // On a busy machine the times are those of the queue for its cores: read them together with the load and the CPU.
  console.log(`${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}`);
  const day = { from: new Date(nowMs - 24 * 3_600_000), to: new Date(nowMs), groupBy: "none", stepSeconds: null } as const;
  const questions: [string, LatencyQuery][] = [
    ["fleet, 24 h, 5 min steps", { ...day, fleetId: "flt_all" }],
    ["fleet, one build, one class, 24 h, 5 min steps", { ...day, fleetId: "flt_all", buildId: BUILDS[0], className: CLASSES[0] }],
    ["fleet, 24 h, by build", { ...day, fleetId: "flt_all", groupBy: "build" }],
    ["fleet, 24 h, by class", { ...day, fleetId: "flt_all", groupBy: "class" }],
    ["all devices, 24 h, 1 h steps (from hours)", { ...day, stepSeconds: 3600 }],
    ["fleet, 24 h, 1 min steps", { ...day, fleetId: "flt_all", stepSeconds: 60 }],
    ["fleet, last hour", { ...day, from: new Date(nowMs - 3_600_000), fleetId: "flt_all" }],
  ];
  for (const [name, query] of questions) {
    const times: number[] = [];
    let p99: number | null = null;
    const cpuBefore = process.cpuUsage();
    for (let run = 0; run < RUNS; run += 1) {
      const { ms, value } = await timed(() => withTx(db, (tx) => queryLatency(tx, systemPrincipal("bench"), query)));
      times.push(ms);
      p99 = value.series[0]?.total.p99 ?? null;
    }
    const cpu = process.cpuUsage(cpuBefore);
    times.sort((a, b) => a - b);
    console.log(`${name.padEnd(48)} median ${(times[Math.floor(RUNS / 2)] ?? 0).toFixed(1).padStart(7)} ms   range ${(times[0] ?? 0).toFixed(1)}-${(times.at(-1) ?? 0).toFixed(1)}   CPU here ${((cpu.user + cpu.system) / 1000 / RUNS).toFixed(0).padStart(4)} ms   p99 ${p99?.toFixed(2)} ms`);
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const beganMs = performance.now();
  const value = await work();
  return { ms: performance.now() - beganMs, value };
}
