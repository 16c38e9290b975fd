import { sqlOf, testDb, withTx, type TestDb, type Tx } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApiKey, createEnrollmentToken, disablePerson, enablePerson, invitePerson, listApiKeys, listEnrollmentTokens, principalOfApiKey, revokeApiKey, revokeEnrollmentToken, takeTokenUses, usableTokens } from "./index.ts";

let database: TestDb;
beforeAll(async () => {
  database = await testDb();
});
afterAll(() => database.drop());

const admin = { kind: "user", id: "usr_admin", name: "Ada", role: "admin" } as const;
const operator = { kind: "user", id: "usr_op", name: "Olga", role: "operator" } as const;
const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(database.db, fn);

test("a key is shown once, stored as a digest only, and stands for its role and scopes", async () => {
  const { view, secret } = await tx((t) => createApiKey(t, admin, { name: "ci", role: "operator", scopes: ["models", "jobs"] }));
  expect(secret).toMatch(/^flk_[A-Za-z0-9_-]{43}$/);
  expect(secret.startsWith(view.prefix)).toBe(true);
  const stored = JSON.stringify(await database.db.prisma.apiKey.findUniqueOrThrow({ where: { id: view.id } }));
  expect(stored).not.toContain(secret.slice(-20));
  const audit = JSON.stringify((await database.db.prisma.auditEvent.findMany()).map((row) => ({ ...row, id: String(row.id) })));
  expect(audit).not.toContain(secret.slice(-20));
  expect(await tx((t) => principalOfApiKey(t, secret))).toEqual({ kind: "api_key", id: view.id, name: "ci", role: "operator", scopes: ["models", "jobs"] });
});

test("a key that is revoked, expired or made up stands for nobody", async () => {
  const revoked = await tx((t) => createApiKey(t, admin, { name: "revoked", role: "viewer" }));
  await tx((t) => revokeApiKey(t, admin, { id: revoked.view.id, reason: "leaked" }));
  const expired = await tx((t) => createApiKey(t, admin, { name: "expired", role: "viewer", expiresAt: new Date(Date.now() + 60_000) }));
  await database.db.prisma.apiKey.update({ where: { id: expired.view.id }, data: { expiresAt: new Date(Date.now() - 1) } });
  for (const secret of [revoked.secret, expired.secret, `flk_${"A".repeat(43)}`, `${revoked.secret}x`, "flk_", ""]) {
    expect(await tx((t) => principalOfApiKey(t, secret))).toBeNull();
  }
  expect(await tx((t) => revokeApiKey(t, admin, { id: revoked.view.id }))).toMatchObject({ name: "revoked", revokedAt: expect.any(String) as unknown });
});

test("a key ends with the person who made it, and works again when they may sign in again", async () => {
  const person = await tx((t) => invitePerson(t, admin, { name: "Leaver", email: "leaver@example.com", passwordHash: `${"0".repeat(32)}:${"0".repeat(128)}`, role: "operator" }));
  await tx((t) => invitePerson(t, admin, { name: "Stays", email: "stays@example.com", passwordHash: `${"0".repeat(32)}:${"0".repeat(128)}`, role: "admin" }));
  const { secret } = await tx((t) => createApiKey(t, { kind: "user", id: person.id, name: person.name, role: "admin" }, { name: "theirs", role: "operator" }));
  expect(await tx((t) => principalOfApiKey(t, secret))).toMatchObject({ kind: "api_key", name: "theirs" });
  await tx((t) => disablePerson(t, admin, { userId: person.id }));
  expect(await tx((t) => principalOfApiKey(t, secret))).toBeNull();
  await tx((t) => enablePerson(t, admin, { userId: person.id }));
  expect(await tx((t) => principalOfApiKey(t, secret))).not.toBeNull();
});

test("a scoped key cannot make one that reaches further than itself", async () => {
  const scoped = { kind: "api_key", id: "key_a", name: "narrow", role: "admin", scopes: ["access", "models"] } as const;
  const make = (scopes: ("access" | "models" | "rollouts")[]) => tx((t) => createApiKey(t, scoped, { name: "child", role: "admin", scopes }));
  await expect(make([])).rejects.toMatchObject({ code: "forbidden" });
  await expect(make(["rollouts"])).rejects.toMatchObject({ code: "forbidden" });
  expect((await make(["models"])).view.scopes).toEqual(["models"]);
});

test("use of a key is noted, but not on every call", async () => {
  const { view, secret } = await tx((t) => createApiKey(t, admin, { name: "busy", role: "viewer" }));
  const lastUse = async () => (await database.db.prisma.apiKey.findUniqueOrThrow({ where: { id: view.id } })).lastUsedAt?.getTime() ?? null;
  expect(await lastUse()).toBeNull();
  await tx((t) => principalOfApiKey(t, secret));
  const first = await lastUse();
  expect(first).not.toBeNull();
  await tx((t) => principalOfApiKey(t, secret));
  expect(await lastUse()).toBe(first);
  await database.db.prisma.apiKey.update({ where: { id: view.id }, data: { lastUsedAt: new Date(Date.now() - 61_000) } });
  await tx((t) => principalOfApiKey(t, secret));
  expect(await lastUse()).toBeGreaterThanOrEqual(first ?? 0);
});

test("lists show prefixes and makers, never secrets or digests", async () => {
  const { secret } = await tx((t) => createApiKey(t, admin, { name: "listed", role: "viewer" }));
  const { token } = await tx((t) => createEnrollmentToken(t, operator, { name: "line 4" }));
  const shown = JSON.stringify([await tx((t) => listApiKeys(t, admin)), await tx((t) => listEnrollmentTokens(t, operator))]);
  expect(shown).toContain('"listed"');
  for (const hidden of [secret.slice(-20), token.slice(-20), "secretHash", "secret_hash"]) expect(shown).not.toContain(hidden);
});

/** One use, as an enrolment takes it; the token's id, or null when it may not be used. */
const use = (token: string): Promise<string | null> =>
  tx(async (t) => {
    const held = (await usableTokens(sqlOf(t), [token])).get(token);
    if (held === undefined) return null;
    await takeTokenUses(sqlOf(t), new Map([[held.id, 1]]));
    return held.id;
  });

test("a token for three devices admits exactly three, however many ask at once", async () => {
  const { view, token } = await tx((t) => createEnrollmentToken(t, operator, { labels: { site: "lab" }, maxUses: 3 }));
  expect((await tx((t) => usableTokens(sqlOf(t), [token]))).get(token)).toEqual({ id: view.id, labels: { site: "lab" }, usesLeft: 3 });
  const results = await Promise.all(Array.from({ length: 8 }, () => use(token)));
  expect(results.filter((id) => id !== null)).toEqual([view.id, view.id, view.id]);
});

test("a use whose enrolment failed is given back", async () => {
  const { view, token } = await tx((t) => createEnrollmentToken(t, operator, {}));
  await expect(
    tx(async (t) => {
      await usableTokens(sqlOf(t), [token]);
      await takeTokenUses(sqlOf(t), new Map([[view.id, 1]]));
      throw new Error("the device could not be stored");
    }),
  ).rejects.toThrow("stored");
  expect(await use(token)).toBe(view.id);
});

test("more uses than a token has are never taken", async () => {
  const { view } = await tx((t) => createEnrollmentToken(t, operator, { maxUses: 2 }));
  await expect(tx((t) => takeTokenUses(sqlOf(t), new Map([[view.id, 3]])))).rejects.toThrow("held enrolment token");
});

test("a token that is revoked, too old, or of another kind lets nobody in", async () => {
  const revoked = await tx((t) => createEnrollmentToken(t, operator, {}));
  await tx((t) => revokeEnrollmentToken(t, operator, { id: revoked.view.id }));
  const old = await tx((t) => createEnrollmentToken(t, operator, { expiresInSeconds: 1 }));
  await database.db.prisma.enrollmentToken.update({ where: { id: old.view.id }, data: { expiresAt: new Date(Date.now() - 1) } });
  const key = await tx((t) => createApiKey(t, admin, { name: "key", role: "admin" }));
  for (const token of [revoked.token, old.token, key.secret, "fet_", ""]) expect(await use(token)).toBeNull();
});

test("labels and limits that make no sense are refused", async () => {
  const make = (input: Parameters<typeof createEnrollmentToken>[2]) => tx((t) => createEnrollmentToken(t, operator, input));
  await expect(make({ labels: { "bad key!": "x" } })).rejects.toMatchObject({ code: "bad_request" });
  await expect(make({ maxUses: 0 })).rejects.toMatchObject({ code: "bad_request" });
  await expect(make({ expiresInSeconds: 1.5 })).rejects.toMatchObject({ code: "bad_request" });
  await expect(make({ name: "\u202Eevil" })).rejects.toMatchObject({ code: "bad_request" });
});
