import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDb, withTx, type TestDb } from "@flotilla/db";
import type { EnrollRequest } from "@flotilla/protocol";
import { createEnrollmentToken, listAudit, revokeEnrollmentToken } from "../../access/index.ts";
import { systemPrincipal } from "../../principal.ts";
import { watchedVersions } from "../registry-store.ts";
import { enrolDevices } from "./enrol-store.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

const admin = systemPrincipal("test");
const deviceClass = { name: "pi4", arch: "arm64", isa: ["neon"], runtime: { name: "ort", version: "1" }, executionProvider: "cpu", memoryBytes: 1, simulated: true };
const asked = (token: string, name: string, publicKey = `key of ${name}`): { request: EnrollRequest; requestId: string } => ({
  request: { protocol: 1, token, name, publicKey, class: deviceClass, labels: { note: "it" }, nonce: "n", signature: "s" }, requestId: `req-${name}`,
});
const newToken = (maxUses: number) => withTx(suite.db, (tx) => createEnrollmentToken(tx, admin, { maxUses, labels: { site: "lab" } }));
const enrol = (items: ReturnType<typeof asked>[]) => withTx(suite.db, (tx) => enrolDevices(tx, items)).then((outcomes) => outcomes.map((outcome) => (outcome.kind === "refused" ? outcome.error.code : outcome.kind)));
const usesOf = async (id: string) => (await suite.db.prisma.enrollmentToken.findUniqueOrThrow({ where: { id } })).uses;

describe("enrolments of one transaction", () => {
  test("that ask for more than a token has left: exactly that many are let in, and counted", async () => {
    const { view, token } = await newToken(3);
    expect(await enrol(Array.from({ length: 5 }, (_, i) => asked(token, `five-${i}`)))).toEqual(["enrolled", "enrolled", "enrolled", "enrollment_token_invalid", "enrollment_token_invalid"]);
    expect(await usesOf(view.id)).toBe(3);
    expect(await suite.db.prisma.device.count({ where: { name: { startsWith: "five-" } } })).toBe(3);
    // Those that are in come again: nothing is taken. The others stay out.
    expect(await enrol([asked(token, "five-0"), asked(token, "five-4")])).toEqual(["enrolled", "enrollment_token_invalid"]);
    expect(await usesOf(view.id)).toBe(3);
  });

  test("write the device, its audit row and its place in the registry for each", async () => {
    const { token } = await newToken(9);
    const before = (await withTx(suite.db, watchedVersions)).registry;
    await enrol([asked(token, "row-a"), asked(token, "row-b")]);
    const rows = await suite.db.prisma.device.findMany({ where: { name: { startsWith: "row-" } }, orderBy: { name: "asc" } });
    expect(rows.map(({ name, publicKey, state, labels, className, class: stated, simulated }) => ({ name, publicKey, state, labels, className, stated, simulated }))).toEqual(
      ["row-a", "row-b"].map((name) => ({ name, publicKey: `key of ${name}`, state: "active", labels: { note: "it", site: "lab", class: "pi4", arch: "arm64" }, className: "pi4", stated: deviceClass, simulated: true })));
    expect(rows.every(({ registryVersion }) => Number(registryVersion) > before)).toBe(true);
    for (const { id, name } of rows) {
      const audit = await withTx(suite.db, (tx) => listAudit(tx, admin, { objectId: id }));
      expect(audit.items).toMatchObject([{ action: "device.enroll", actorKind: "device", actorId: id, actorName: name, objectName: name, requestId: `req-${name}`, detail: { class: "pi4" } }]);
    }
  });

  test("of one name see each other: the same key is the same device and one use, another key waits for a person", async () => {
    const { view, token } = await newToken(9);
    expect(await enrol([asked(token, "twice"), asked(token, "twice"), asked(token, "twice", "other"), asked(token, "twice", "other")])).toEqual(["enrolled", "enrolled", "key_change_pending", "key_change_pending"]);
    expect(await suite.db.prisma.device.count({ where: { name: "twice", publicKey: "key of twice" } })).toBe(1);
    expect(await suite.db.prisma.deviceKeyChange.count({ where: { publicKey: "other" } })).toBe(1);
    expect(await usesOf(view.id)).toBe(2);
  });

  test("with many tokens are each judged by their own", async () => {
    const [good, one, revoked, old] = [await newToken(5), await newToken(1), await newToken(5), await newToken(5)];
    await withTx(suite.db, (tx) => revokeEnrollmentToken(tx, admin, { id: revoked.view.id }));
    await suite.db.prisma.enrollmentToken.update({ where: { id: old.view.id }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect(await enrol([revoked, one, good, old, one, good].map(({ token }, i) => asked(token, `mixed-${i}`)))).toEqual([
      "enrollment_token_invalid", "enrolled", "enrolled", "enrollment_token_invalid", "enrollment_token_invalid", "enrolled"]);
    expect([await usesOf(good.view.id), await usesOf(one.view.id), await usesOf(revoked.view.id), await usesOf(old.view.id)]).toEqual([2, 1, 0, 0]);
  });

  test("that fail as a whole leave nothing: no device, no use", async () => {
    const { view, token } = await newToken(5);
    await expect(withTx(suite.db, async (tx) => {
      await enrolDevices(tx, [asked(token, "lost-a"), asked(token, "lost-b")]);
      throw new Error("the connection broke");
    })).rejects.toThrow("broke");
    expect([await usesOf(view.id), await suite.db.prisma.device.count({ where: { name: { startsWith: "lost-" } } })]).toEqual([0, 0]);
  });
});

test("many transactions at once with the same names, in different orders, and the same tokens: each name is one device and no token gives more than it has", async () => {
  const tokens = [await newToken(7), await newToken(7)];
  const names = Array.from({ length: 20 }, (_, i) => `crowd-${i}`);
  const batches = Array.from({ length: 8 }, (_, b) => names.map((_, i) => asked(tokens[(i + b) % 2]?.token ?? "", names[(i * 7 + b * 3) % names.length] ?? "")));
  const outcomes = (await Promise.all(batches.map(enrol))).flat();
  const uses = await Promise.all(tokens.map(({ view }) => usesOf(view.id)));
  const devices = await suite.db.prisma.device.groupBy({ by: ["enrollmentTokenId"], where: { name: { startsWith: "crowd-" } }, _count: true });
  expect(uses).toEqual([7, 7]);
  expect(devices.map((row) => row._count)).toEqual([7, 7]);
  expect(new Set(outcomes)).toEqual(new Set(["enrolled", "enrollment_token_invalid"]));
  expect(outcomes.filter((kind) => kind === "enrolled").length).toBeGreaterThanOrEqual(14);
});
