import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FLOTILLA_VERSION, FleetError, buildManifestSchema, enrollRequestSchema, fleetErrorCodes, problemOf, problemSchema, selectVariant, statusOf, syncRequestSchema, syncResponseSchema, telemetryBatchSchema } from "./index.ts";
import type { DeviceClass, TelemetryWindow } from "./index.ts";

const golden = (name: string): unknown => JSON.parse(readFileSync(new URL(`./golden/${name}.json`, import.meta.url), "utf8"));

describe("recorded messages of protocol 1", () => {
  // These files are what agents in the field send: they must parse for as long as protocol 1 is accepted.
  test("a steady sync, an installing sync and their answers still parse, unchanged", () => {
    for (const name of ["sync-request-steady", "sync-request-installing"]) expect(syncRequestSchema.parse(golden(name))).toEqual(golden(name));
    for (const name of ["sync-response-idle", "sync-response-target"]) expect(syncResponseSchema.parse(golden(name))).toEqual(golden(name));
    expect(enrollRequestSchema.parse(golden("enroll-request"))).toEqual(golden("enroll-request"));
    expect(buildManifestSchema.parse(golden("build-manifest"))).toEqual(golden("build-manifest"));
  });
});

describe("telemetry batches", () => {
  const window = (seq: number): TelemetryWindow => ({ seq, buildId: "bld_1", versionId: "ver_1", mode: "field", wallMs: 0, ageMs: 0, count: 0, errors: 0, sumMs: 0, minMs: null, maxMs: null, buckets: [] });
  const batch = (first: number, last: number, seqs: number[], dropped?: [number, number][]) =>
    telemetryBatchSchema.safeParse({ epoch: "0123456789abcdef", first, last, windows: seqs.map(window), ...(dropped ? { dropped } : {}) }).success;

  test("must tile their range: no hole, no overlap, nothing outside", () => {
    expect(batch(1, 3, [1, 2, 3])).toBe(true);
    expect(batch(1, 5, [1, 5], [[2, 4]])).toBe(true);
    expect(batch(1, 4, [], [[1, 4]])).toBe(true);
    expect(batch(1, 3, [1, 3])).toBe(false);
    expect(batch(1, 2, [1, 2, 2])).toBe(false);
    expect(batch(1, 2, [1, 2], [[2, 2]])).toBe(false);
    expect(batch(2, 3, [1, 2, 3])).toBe(false);
    expect(batch(1, 3, [1, 2, 3, 4])).toBe(false);
    expect(batch(3, 1, [])).toBe(false);
    expect(batch(1, 3, [1], [[3, 2]])).toBe(false);
  });
});

describe("variant selection", () => {
  const manifest = buildManifestSchema.parse(golden("build-manifest"));
  const device: DeviceClass = { name: "pi4", arch: "arm64", isa: [], runtime: { name: "onnxruntime", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 4 * 2 ** 30, simulated: false };

  test("takes the first variant that is meant for the class and fits its memory", () => {
    expect(selectVariant(manifest, device)).toMatchObject({ kind: "variant", variant: { versionId: "ver_small" } });
    expect(selectVariant(manifest, { ...device, name: "server" })).toMatchObject({ kind: "variant", variant: { versionId: "ver_any" } });
  });

  test("says which requirement a device misses", () => {
    expect(selectVariant(manifest, { ...device, memoryBytes: 1024 })).toMatchObject({ kind: "no_variant", reason: "memory" });
    expect(selectVariant(manifest, { ...device, executionProvider: "cuda" })).toMatchObject({ kind: "no_variant", reason: "execution_provider" });
    const onlyPi = { ...manifest, variants: manifest.variants.slice(0, 1) };
    expect(selectVariant(onlyPi, { ...device, name: "server" })).toMatchObject({ kind: "no_variant", reason: "class" });
  });
});

describe("errors", () => {
  test("every code answers with a client or server error status and a problem document", () => {
    for (const code of fleetErrorCodes) {
      expect(statusOf(code)).toBeGreaterThanOrEqual(400);
      expect(statusOf(code)).toBeLessThan(600);
      expect(problemSchema.safeParse(problemOf(new FleetError(code, { public: "x" }), "req_1")).success).toBe(true);
    }
  });

  test("an unexpected error keeps its text out of the answer", () => {
    expect(JSON.stringify(problemOf(new Error("password=hunter2"), "req_1"))).not.toContain("hunter2");
  });

  test("extra members cannot displace the standard ones", () => {
    expect(problemOf(new FleetError("rate_limited", { public: "x", extra: { status: 200, retryAfterMs: 5 } }), "r")).toMatchObject({ status: 429, retryAfterMs: 5 });
  });
});

test("the stated version is package.json's", () => {
  const root = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as { version: string };
  expect(FLOTILLA_VERSION).toBe(root.version);
});
