import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LatencyHistogram, syncRequestSchema } from "@flotilla/protocol";
import { quickSyncRequest } from "./quick-sync-request.ts";

const golden = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../packages/protocol/src/golden/${name}.json`, import.meta.url), "utf8"));

const sha256 = fc.constantFrom("a".repeat(64), "0123456789abcdef".repeat(4));
const id = fc.constantFrom("b", "bld_01JD", "x".repeat(64), "ü \u2028");
const count = fc.nat();
const ms = fc.double({ min: 0, max: 1e9, noNaN: true });
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const buckets = fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), { maxLength: 40 }).map((samples) => {
  const histogram = new LatencyHistogram();
  for (const sample of samples) histogram.add(sample);
  return histogram.toSparse();
});
const mode = fc.constantFrom("back_to_back", "scheduled", "field", "simulated");
const window = fc.record({ buildId: id, versionId: id, mode, wallMs: fc.integer(), ageMs: orNull(ms), count, errors: count, sumMs: ms, minMs: orNull(ms), maxMs: orNull(ms), buckets });
const telemetry = fc.record({ first: fc.integer({ min: 1, max: 1e6 }), windows: fc.array(window, { maxLength: 4 }), drops: fc.boolean() }).map(({ first, windows, drops }) => {
  const last = first + windows.length - 1 + (drops ? 3 : 0);
  return { epoch: "0123456789abcdef", first, last, windows: windows.map((w, i) => ({ seq: first + i, ...w })), ...(drops ? { dropped: [[last - 2, last]] } : {}) };
});
const running = fc.record({ buildId: id, manifestSha256: sha256, versionId: id, modelSha256: sha256, runningForMs: ms });
const slot = fc.record({ slot: fc.constantFrom("a", "b"), state: fc.constantFrom("empty", "partial", "ready", "active", "bad"), buildId: orNull(id), manifestSha256: orNull(sha256) });
const deployment = fc.record(
  {
    deploymentId: id, targetVersion: fc.integer({ min: 1 }), attempt: fc.integer({ min: 1 }), phase: fc.constantFrom("downloading", "installing", "verifying", "succeeded", "failed"),
    bytesDone: count, bytesTotal: count, probe: fc.record({ passed: fc.boolean(), loadMs: ms, maxAbsError: orNull(ms) }),
    failure: fc.record({ code: fc.constantFrom("download", "timeout", "cancelled", "probe_failed"), detail: fc.constantFrom("", "no", "d".repeat(1000)), recovery: fc.constantFrom("no_state_change", "unable_to_roll_back") }),
  },
  { requiredKeys: ["deploymentId", "targetVersion", "attempt", "phase"] },
);
const deviceClass = fc.record({
  name: fc.constantFrom("pi4", "a", "jetson-nano.2"), arch: fc.string({ maxLength: 32 }), isa: fc.array(fc.constantFrom("neon", ""), { maxLength: 3 }),
  runtime: fc.record({ name: fc.string({ maxLength: 64 }), version: fc.string({ maxLength: 64 }) }), executionProvider: fc.string({ maxLength: 64 }), memoryBytes: count, simulated: fc.boolean(),
});
const resources = fc.record({ rssBytes: count, freeMemoryBytes: count, freeDiskBytes: count, queuedWindows: count, temperatureC: orNull(fc.double({ min: -100, max: 300, noNaN: true })) });
const report = fc.record(
  { agentVersion: fc.string({ maxLength: 32 }), targetVersion: count, running: orNull(running), slots: fc.array(slot, { maxLength: 2 }), deployment, class: deviceClass, resources },
  { requiredKeys: ["agentVersion", "targetVersion", "running", "slots", "class", "resources"] },
);
const good = fc.record({ protocol: fc.integer({ min: 1, max: 9 }), bootId: fc.string({ minLength: 8, maxLength: 64 }), report, telemetry }, { requiredKeys: ["protocol", "bootId", "report"] });

/** As a body brings it: through JSON. */
const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Every place in a value, as a path. */
function pathsOf(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  const inner = typeof value === "object" && value !== null ? Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, Array.isArray(value) ? Number(key) : key])) : [];
  return [[...path], ...inner];
}

const WRONG: readonly unknown[] = [
  null, true, "", "x", "a".repeat(65), "a".repeat(1001), "pi 4", "-pi4", "A".repeat(64), -1, -0.5, 0, 1.5, 301, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN, [], {}, [1], [1, 1], [5, 1, 4, 1], [393, 1], [1, 0], [[1, 2]],
  Array.from({ length: 3 }, () => ({})), Array.from({ length: 65 }, () => "neon"),
];

/** A good request with one place in it replaced, removed or added to. */
const damaged = fc.record({ request: good, place: fc.nat(), wrong: fc.constantFrom(...WRONG), how: fc.constantFrom("replace", "remove", "add") }).map(({ request, place, wrong, how }) => {
  const value = overTheWire(request) as Record<string, unknown>;
  const paths = pathsOf(value);
  const path = paths[place % paths.length] ?? [];
  if (path.length === 0) return wrong;
  let holder: unknown = value;
  for (const key of path.slice(0, -1)) holder = (holder as Record<string | number, unknown>)[key];
  const last = path.at(-1) ?? "";
  if (how === "remove") delete (holder as Record<string | number, unknown>)[last];
  else if (how === "add" && !Array.isArray(holder)) Object.assign(holder as object, { extra: wrong });
  else (holder as Record<string | number, unknown>)[last] = wrong;
  return value;
});

/** Accepted only with the schema, and then as the schema reads it. */
function expectSame(body: unknown): boolean {
  const quick = quickSyncRequest(body);
  const slow = syncRequestSchema.safeParse(body);
  if (quick !== null) expect({ isAccepted: slow.success, value: slow.data }).toEqual({ isAccepted: true, value: quick });
  return quick !== null;
}

test("what devices really send goes the quick way", () => {
  for (const name of ["sync-request-steady", "sync-request-installing"]) {
    const recorded = golden(name) as { telemetry?: { dropped?: unknown } };
    delete recorded.telemetry?.dropped;
    if (recorded.telemetry) Object.assign(recorded.telemetry, { windows: [], first: 5, last: 4 });
    expect(quickSyncRequest(recorded), name).toEqual(recorded);
  }
  fc.assert(
    fc.property(good, (request) => {
      const isQuick = expectSame(overTheWire(request));
      expect(isQuick).toBe(!("dropped" in ((request as { telemetry?: object }).telemetry ?? {})));
    }),
    { numRuns: 100 },
  );
});

test("the quick way accepts nothing that the schema refuses, refuses nothing it can read, and reads the same", () => {
  fc.assert(
    fc.property(damaged, (body) => {
      const isQuick = expectSame(body);
      const accepted = syncRequestSchema.safeParse(body);
      if (accepted.success && accepted.data.telemetry?.dropped === undefined) expect(isQuick).toBe(true);
    }),
    { numRuns: 600 },
  );
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 3 }), (body) => { expect(expectSame(body)).toBe(false); }), { numRuns: 100 });
});
