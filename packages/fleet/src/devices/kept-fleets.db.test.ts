import { testDb, withSql, withTx, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemPrincipal } from "../principal.ts";
import { deviceSummary, keepDeviceSummaries } from "./list-store.ts";
import type { DeviceSummary } from "./types.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

const someone = systemPrincipal("test");
const ago = (ms: number): Date => new Date(Date.now() - ms);

test("counted in one pass, each fleet has the counts that it has alone", async () => {
  const { prisma } = suite.db;
  const sites = ["lab", "osaka", "lyon"];
  const devices = Array.from({ length: 300 }, (_, n) => ({
    id: `dev_${n}`, name: `d${n}`, publicKey: "k", className: n % 4 === 0 ? "pi4" : "orin", class: {}, simulated: n % 5 === 0, state: n % 50 === 0 ? ("revoked" as const) : ("active" as const),
    labels: { ...(n % 7 === 0 ? {} : { site: sites[n % 3] }), ...(n % 2 === 0 ? { gpu: "" } : {}), serial: `s${n}` },
  }));
  await prisma.device.createMany({ data: devices });
  const live = (n: number) => ({ deviceId: `dev_${n}`, lastSeenAt: ago([1_000, 150_000, 86_400_000][n % 3] ?? 0), bootId: "b", slots: [], resources: {}, runningBuildId: n % 11 === 0 ? null : `bld_${n % 2}` });
  await prisma.deviceLive.createMany({ data: devices.flatMap((_, n) => (n % 9 === 0 ? [] : [live(n)])) });
  await prisma.deviceTarget.createMany({ data: devices.map(({ id }) => ({ deviceId: id, targetVersion: 1n, buildId: "bld_1", changeSeq: 0n })) });
  const queries = ["", "site=osaka", "site!=osaka", "site in (lab,lyon),gpu", "!site", "gpu,!nothing", "serial=s77", "serial notin (s1,s2,s3),site=lab", "site=atlantis"];
  await prisma.fleet.createMany({ data: queries.map((query, n) => ({ id: `flt_many_${n}`, name: `many ${n}`, query, createdById: "x" })) });
  const summaries = () => Promise.all(queries.map(async (query) => sorted(await withTx(suite.db, (tx) => deviceSummary(tx, someone, { query })))));
  const alone = await summaries();
  expect(new Set(alone.map(({ total }) => total)).size).toBeGreaterThan(6);
  await withSql(suite.db, (sql) => sql.query("update pg_class set reltuples = 100000 where oid = 'device'::regclass"));
  expect(await withTx(suite.db, (tx) => keepDeviceSummaries(tx))).toBe(queries.length);
  await prisma.device.deleteMany();
  expect(await summaries()).toEqual(alone);
});

/** Equal counts stand in any order. */
function sorted({ byClass, byBuild, ...rest }: DeviceSummary) {
  const order = <T>(list: readonly T[], nameOf: (part: T) => string): T[] => list.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
  return { ...rest, byClass: order(byClass, ({ className, simulated }) => `${className} ${simulated}`), byBuild: order(byBuild, ({ buildId }) => buildId ?? "") };
}
