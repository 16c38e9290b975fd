import { testDb, withTx, type TestDb, type Tx } from "@flotilla/db";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { changesSince } from "../changes/index.ts";
import { systemPrincipal } from "../principal.ts";
import { createFirstAdmin, createSignInLink, disablePerson, enablePerson, hashPassword, invitePerson, listAudit, listPeople, principalOfUser, redeemSignInLink, setRole } from "./index.ts";
import type { PersonView } from "./types.ts";

let database: TestDb;
let passwordHash: string;
beforeAll(async () => {
  database = await testDb();
  passwordHash = await hashPassword("a long enough password");
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.db.prisma.user.deleteMany();
  await database.db.prisma.signInLink.deleteMany();
});

const system = systemPrincipal("test");
const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(database.db, fn);
const firstAdmin = (email = "ada@example.org"): Promise<PersonView> => tx((t) => createFirstAdmin(t, system, { name: "Ada", email, passwordHash }));
const adminPrincipal = (person: PersonView) => ({ kind: "user", id: person.id, name: person.name, role: "admin" }) as const;
const invite = (admin: PersonView, email: string, role: "viewer" | "operator" | "admin") =>
  tx((t) => invitePerson(t, adminPrincipal(admin), { name: "Bo", email, role, passwordHash }));

test("of two first admins made at the same time one exists afterwards", async () => {
  const results = await Promise.allSettled([firstAdmin("a@example.org"), firstAdmin("b@example.org")]);
  expect(results.map((result) => result.status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(results.find((result) => result.status === "rejected")?.reason).toMatchObject({ code: "conflict" });
  expect(await database.db.prisma.user.count()).toBe(1);
});

test("a person gets the account row that better-auth signs in with, under the lower-case address", async () => {
  const person = await firstAdmin("Ada@Example.ORG");
  expect(person).toMatchObject({ email: "ada@example.org", role: "admin", disabledAt: null });
  const account = await database.db.prisma.account.findFirstOrThrow({ where: { userId: person.id } });
  expect(account).toMatchObject({ accountId: person.id, providerId: "credential", password: passwordHash });
});

test("an address is one person's only, whatever its case", async () => {
  const ada = await firstAdmin();
  await expect(invite(ada, "ADA@example.org", "viewer")).rejects.toMatchObject({ code: "name_taken" });
});

test("a password that was not hashed is refused before it can be stored", async () => {
  await expect(tx((t) => createFirstAdmin(t, system, { name: "Ada", email: "a@example.org", passwordHash: "hunter2" }))).rejects.toMatchObject({ code: "bad_request" });
});

test("the last admin can neither be disabled nor become anything else", async () => {
  const ada = await firstAdmin();
  const bo = await invite(ada, "bo@example.org", "admin");
  await tx((t) => disablePerson(t, adminPrincipal(ada), { userId: bo.id }));
  await expect(tx((t) => disablePerson(t, adminPrincipal(ada), { userId: ada.id }))).rejects.toMatchObject({ code: "last_admin" });
  await expect(tx((t) => setRole(t, adminPrincipal(ada), { userId: ada.id, role: "operator" }))).rejects.toMatchObject({ code: "last_admin" });
  expect(await tx((t) => setRole(t, adminPrincipal(ada), { userId: ada.id, role: "admin" }))).toMatchObject({ role: "admin" });
});

test("two admins who take each other's role at the same time leave one", async () => {
  const ada = await firstAdmin();
  const bo = await invite(ada, "bo@example.org", "admin");
  const results = await Promise.allSettled([
    tx((t) => setRole(t, adminPrincipal(ada), { userId: bo.id, role: "viewer" })),
    tx((t) => setRole(t, adminPrincipal(bo), { userId: ada.id, role: "viewer" })),
  ]);
  expect(results.map((result) => result.status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(results.find((result) => result.status === "rejected")?.reason).toMatchObject({ code: "last_admin" });
  expect(await database.db.prisma.user.count({ where: { role: "admin", disabledAt: null } })).toBe(1);
});

test("a disabled person is nobody at once, has no session, and can come back", async () => {
  const ada = await firstAdmin();
  const bo = await invite(ada, "bo@example.org", "operator");
  await database.db.prisma.session.create({ data: { id: "s1", token: "t1", userId: bo.id, expiresAt: new Date(Date.now() + 1e6) } });
  expect(await tx((t) => principalOfUser(t, bo.id))).toEqual({ kind: "user", id: bo.id, name: "Bo", role: "operator" });
  await tx((t) => disablePerson(t, adminPrincipal(ada), { userId: bo.id, reason: "left" }));
  expect(await tx((t) => principalOfUser(t, bo.id))).toBeNull();
  expect(await database.db.prisma.session.count({ where: { userId: bo.id } })).toBe(0);
  await tx((t) => enablePerson(t, adminPrincipal(ada), { userId: bo.id }));
  expect(await tx((t) => principalOfUser(t, bo.id))).toMatchObject({ role: "operator" });
});

test("every change of a person stands in the audit log with its actor and reason, and live pages hear of it", async () => {
  const ada = await firstAdmin();
  const bo = await invite(ada, "bo@example.org", "viewer");
  await tx((t) => setRole(t, adminPrincipal(ada), { userId: bo.id, role: "operator" }));
  await tx((t) => disablePerson(t, adminPrincipal(ada), { userId: bo.id, reason: "left" }));
  const rows = await tx((t) => listAudit(t, adminPrincipal(ada), { objectKind: "person", objectId: bo.id }));
  expect(rows.items.map(({ action, actorId, reason }) => ({ action, actorId, reason }))).toEqual([
    { action: "person.disable", actorId: ada.id, reason: "left" },
    { action: "person.set_role", actorId: ada.id, reason: null },
    { action: "person.invite", actorId: ada.id, reason: null },
  ]);
  const { events } = await tx((t) => changesSince(t, 0, 1_000));
  expect(events.filter((event) => event.objectId === bo.id).map((event) => event.topic)).toEqual(["settings", "settings", "settings"]);
});

test("the list shows everybody once, page by page, with their last activity", async () => {
  const ada = await firstAdmin();
  for (const n of [1, 2, 3, 4]) await invite(ada, `p${n}@example.org`, "viewer");
  await database.db.prisma.session.create({ data: { id: "s2", token: "t2", userId: ada.id, expiresAt: new Date(Date.now() + 1e6) } });
  const first = await tx((t) => listPeople(t, adminPrincipal(ada), { limit: 3 }));
  const second = await tx((t) => listPeople(t, adminPrincipal(ada), { limit: 3, cursor: first.nextCursor ?? "" }));
  expect(second.nextCursor).toBeNull();
  expect(new Set([...first.items, ...second.items].map((person) => person.email)).size).toBe(5);
  expect(second.items.at(-1)).toMatchObject({ email: "ada@example.org", lastSeenAt: expect.any(String) as unknown });
});

test("a sign-in link works once, for one of two clicks at the same time", async () => {
  const ada = await firstAdmin();
  const { token } = await tx((t) => createSignInLink(t, system, { purpose: "sign_in", userId: ada.id, ttlMs: 60_000 }));
  const results = await Promise.allSettled([tx((t) => redeemSignInLink(t, token)), tx((t) => redeemSignInLink(t, token))]);
  expect(results.filter((result) => result.status === "fulfilled").map((result) => result.value)).toEqual([{ purpose: "sign_in", userId: ada.id }]);
  expect(results.find((result) => result.status === "rejected")?.reason).toMatchObject({ code: "link_invalid" });
});

test("a link that is too old, made up, for a disabled person, or for a first run that has happened does nothing", async () => {
  const setup = await tx((t) => createSignInLink(t, system, { purpose: "first_run", ttlMs: 60_000 }));
  const ada = await firstAdmin();
  const bo = await invite(ada, "bo@example.org", "viewer");
  const old = await tx((t) => createSignInLink(t, system, { purpose: "sign_in", userId: ada.id, ttlMs: 60_000 }));
  await database.db.prisma.signInLink.updateMany({ where: { userId: ada.id }, data: { expiresAt: new Date(Date.now() - 1) } });
  const disabled = await tx((t) => createSignInLink(t, system, { purpose: "sign_in", userId: bo.id, ttlMs: 60_000 }));
  await tx((t) => disablePerson(t, adminPrincipal(ada), { userId: bo.id }));
  for (const token of [setup.token, old.token, disabled.token, `lnk_${"A".repeat(43)}`, "lnk_' or 1=1", ""]) {
    await expect(tx((t) => redeemSignInLink(t, token))).rejects.toMatchObject({ code: "link_invalid" });
  }
  await expect(tx((t) => createSignInLink(t, system, { purpose: "first_run", ttlMs: 60_000 }))).rejects.toMatchObject({ code: "conflict" });
});
