import { testDb, withTx, type TestDb, type Tx } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createModel } from "../models/index.ts";
import { listAudit, recordAudit, type AuditFilter } from "./index.ts";

/** Ends a transaction that other tests must not see the rows of. */
class RolledBack extends Error {}

let database: TestDb;
const olga = { kind: "user", id: "usr_olga", name: "Olga", role: "operator", requestId: "req_7" } as const;
const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(database.db, fn);

beforeAll(async () => {
  database = await testDb();
  await tx(async (t) => {
    await recordAudit(t, olga, { action: "rollout.pause", objectKind: "rollout", objectId: "rol_1", objectName: "spring", reason: "too hot", detail: { wave: 2 } });
    await recordAudit(t, olga, { action: "rollout.resume", objectKind: "rollout", objectId: "rol_1" });
    await recordAudit(t, { kind: "device", id: "dev_1", name: "cam-7" }, { action: "device.enrol", objectKind: "device", objectId: "dev_1" });
    await recordAudit(t, { kind: "system", id: "worker", name: "worker" }, { action: "version.ready", objectKind: "version", objectId: "ver_1" });
  });
});
afterAll(() => database.drop());

const actions = async (filter: AuditFilter) => (await tx((t) => listAudit(t, olga, filter))).items.map((row) => row.action);

test("a row tells who, what, why and in which request", async () => {
  const { items } = await tx((t) => listAudit(t, olga, { action: "rollout.pause" }));
  expect(items).toMatchObject([
    { actorKind: "user", actorId: "usr_olga", actorName: "Olga", objectKind: "rollout", objectId: "rol_1", objectName: "spring", reason: "too hot", detail: { wave: 2 }, requestId: "req_7" },
  ]);
});

test("what the platform wrote without a name is named as its object is today; what nobody knows keeps its id alone", async () => {
  await tx(async (t) => {
    const { id } = await createModel(t, olga, { name: "digit-reader" });
    await recordAudit(t, { kind: "system", id: "worker", name: "worker" }, { action: "model.set_alias", objectKind: "model", objectId: id });
    await recordAudit(t, olga, { action: "model.set_alias", objectKind: "model", objectId: id, objectName: "as it was called then" });
    expect((await listAudit(t, olga, { action: "model.set_alias" })).items.map(({ objectName }) => objectName)).toEqual(["as it was called then", "digit-reader"]);
    expect((await listAudit(t, olga, { action: "version.ready" })).items.map(({ objectName }) => objectName)).toEqual([null]);
    throw new RolledBack();
  }).catch((error: unknown) => expect(error).toBeInstanceOf(RolledBack));
});

test("rows come newest first and every filter narrows", async () => {
  expect(await actions({})).toEqual(["version.ready", "device.enrol", "rollout.resume", "rollout.pause"]);
  expect(await actions({ action: "rollout" })).toEqual(["rollout.resume", "rollout.pause"]);
  expect(await actions({ actor: "dev_1" })).toEqual(["device.enrol"]);
  expect(await actions({ actor: "olg" })).toEqual(["rollout.resume", "rollout.pause"]);
  expect(await actions({ objectKind: "version", objectId: "ver_1" })).toEqual(["version.ready"]);
  expect(await actions({ actor: "%" })).toEqual([]);
});

test("pages join without gap or overlap, and a made-up cursor is refused", async () => {
  const first = await tx((t) => listAudit(t, olga, { limit: 3 }));
  const rest = await tx((t) => listAudit(t, olga, { limit: 3, cursor: first.nextCursor ?? "" }));
  expect([...first.items, ...rest.items].map((row) => row.action)).toEqual(await actions({}));
  await expect(tx((t) => listAudit(t, olga, { cursor: "1 or 1=1" }))).rejects.toMatchObject({ code: "bad_request" });
});
