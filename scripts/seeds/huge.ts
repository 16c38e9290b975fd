import { generateKeyPairSync } from "node:crypto";
import { withSql, type Db, type Sql } from "@flotilla/db";
import { newId, touchRegistry } from "@flotilla/fleet";

export const HUGE_DEVICES = 100_000;
const CHUNK = 5_000;

const CLASSES = [
  { name: "pi4", arch: "arm64", isa: ["neon"], memoryBytes: 4 * 2 ** 30, share: 55 },
  { name: "pi5", arch: "arm64", isa: ["neon", "dotprod", "fp16"], memoryBytes: 8 * 2 ** 30, share: 25 },
  { name: "jetson-nano", arch: "arm64", isa: ["neon"], memoryBytes: 4 * 2 ** 30, share: 12 },
  { name: "x86-gateway", arch: "x64", isa: ["avx", "avx2", "fma"], memoryBytes: 16 * 2 ** 30, share: 8 },
] as const;
const SITES = ["hamburg", "lyon", "osaka", "austin", "recife", "nairobi", "pune", "tallinn"];

/**
 * Devices straight into the database, for the speed of pages: names, classes and labels as in a real fleet, most of
 * them reporting, some late, silent or never seen. They have a key that nobody holds, so none can sync. Running it
 * again adds as many more. Answers how many were added.
 */
export async function seedHuge(db: Db, say: (sentence: string) => void, devices: number = HUGE_DEVICES): Promise<number> {
  const publicKey = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }).toString("base64");
  const run = Date.now().toString(36);
  for (let from = 0; from < devices; from += CHUNK) {
    const count = Math.min(CHUNK, devices - from);
    await withSql(db, (sql) => insertChunk(sql, { run, from, count, publicKey }));
    say(`${from + count} of ${devices} devices`);
  }
  await db.pool.query("analyze device, device_live");
  return devices;
}

async function insertChunk(sql: Sql, input: { run: string; from: number; count: number; publicKey: string }): Promise<void> {
  const numbers = Array.from({ length: input.count }, (_, at) => input.from + at);
  const ids = numbers.map(() => newId("dev"));
  const classes = numbers.map(classOf);
  await sql.query(
    `insert into device (id, name, public_key, labels, class_name, class, simulated, enrolled_at)
     select id, name, $1, labels::jsonb, class_name, class::jsonb, true, now() - interval '90 days' * random()
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as d(id, name, labels, class_name, class)`,
    [
      input.publicKey,
      ids,
      numbers.map((n) => `${input.run}-${classOf(n).name}-${String(n).padStart(6, "0")}`),
      numbers.map((n) => JSON.stringify({ class: classOf(n).name, arch: classOf(n).arch, site: siteOf(n), tier: n % 3 === 0 ? "vision" : "edge" })),
      classes.map(({ name }) => name),
      classes.map(({ name, arch, isa, memoryBytes }) =>
        JSON.stringify({ name, arch, isa, runtime: { name: "onnxruntime-node", version: "1.30.0" }, executionProvider: "cpu", memoryBytes, simulated: true }),
      ),
    ],
  );
  // One in fifty has never synced; the others were seen seconds, minutes or days ago.
  const seen = numbers.flatMap((n, at) => (n % 50 === 0 ? [] : [{ id: ids[at] ?? "", secondsAgo: n % 17 === 0 ? 86_400 * (1 + (n % 5)) : n % 11 === 0 ? 150 : n % 20 }]));
  await sql.query(
    `insert into device_live (device_id, last_seen_at, boot_id, slots, resources, agent_version)
     select id, now() - make_interval(secs => seconds_ago), 'seeded-boot', '[]', $1::jsonb, '0.1.0'
     from unnest($2::text[], $3::float8[]) as s(id, seconds_ago)`,
    [
      JSON.stringify({ rssBytes: 80e6, freeMemoryBytes: 1e9, freeDiskBytes: 10e9, queuedWindows: 0, temperatureC: null }),
      seen.map(({ id }) => id),
      seen.map(({ secondsAgo }) => secondsAgo),
    ],
  );
  await touchRegistry(sql, ids);
}

/** Spread evenly, so that each page of a list shows some of each. */
function classOf(n: number): (typeof CLASSES)[number] {
  let place = (n * 37) % 100;
  for (const found of CLASSES) {
    if (place < found.share) return found;
    place -= found.share;
  }
  return CLASSES[0];
}

const siteOf = (n: number): string => SITES[(n * 7) % SITES.length] ?? "hamburg";
