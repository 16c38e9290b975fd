import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { withTx } from "@flotilla/db";
import { createSignInLink, disablePerson, setRole, systemPrincipal } from "@flotilla/fleet";
import { handleAuth } from "./handle-auth.ts";
import { cookieOf, ORIGIN, PASSWORD, startTestWeb, type TestWeb } from "./testing/test-web.ts";

let web: TestWeb;
beforeAll(async () => {
  web = await startTestWeb();
});
afterAll(() => web.stop());
const forgetAttempts = () => web.db.prisma.signInAttempt.deleteMany();
beforeEach(async () => {
  await forgetAttempts();
});

const system = systemPrincipal("test");
const HOUR_MS = 3_600_000;
const me = (cookie: string) => web.request("GET", "/me", { headers: { cookie } });
const sameSite = { "sec-fetch-site": "same-origin" };
const sessionOf = async (email: string): Promise<string> => cookieOf(await web.signIn(email, PASSWORD));

describe("signing in", () => {
  test("the cookie is out of reach of scripts and of other sites, and the token is nowhere else", async () => {
    const person = await web.person("viewer");
    const answer = await web.signIn(person.email, PASSWORD);
    const [line = ""] = answer.headers.getSetCookie();
    expect(line).toMatch(/^flotilla\.session_token=/);
    expect(line).toMatch(/HttpOnly/i);
    expect(line).toMatch(/SameSite=Lax/i);
    expect(await answer.json()).toEqual({ name: person.name });
  });

  test("each time gives a new session, so a planted cookie is worth nothing", async () => {
    const [attacker, victim] = [await web.person("viewer"), await web.person("viewer")];
    const planted = attacker.cookie;
    const answer = await web.signIn(victim.email, PASSWORD, { cookie: planted });
    expect(cookieOf(answer)).not.toBe(planted);
    expect(await (await me(cookieOf(answer))).json()).toMatchObject({ name: victim.name });
  });

  test("an unknown address and a wrong password are answered alike, also when it becomes too much", async () => {
    const { email } = await web.person("viewer");
    await forgetAttempts();
    const answers = { known: [] as unknown[], unknown: [] as unknown[] };
    const withoutId = (body: unknown) => ({ ...(body as object), requestId: "" });
    for (let i = 0; i < 12; i += 1) {
      answers.known.push(withoutId(await (await web.signIn(email, `wrong ${i}`, { "x-forwarded-for": "198.51.100.1" })).json()));
      answers.unknown.push(withoutId(await (await web.signIn("nobody@flotilla.test", `wrong ${i}`, { "x-forwarded-for": "198.51.100.1" })).json()));
    }
    const codes = (list: unknown[]) => list.map((body) => (body as { code: string }).code);
    expect(codes(answers.known)).toEqual(codes(answers.unknown));
    expect(codes(answers.known)).toEqual([...Array.from({ length: 10 }, () => "wrong_credentials"), "rate_limited", "rate_limited"]);
  });

  test("after ten guesses the right password does not help any more, from any address", async () => {
    const [guessed, other] = [await web.person("viewer"), await web.person("viewer")];
    for (let i = 0; i < 10; i += 1) await web.signIn(guessed.email, "wrong", { "x-forwarded-for": `203.0.113.${i}` });
    const answer = await web.signIn(`${guessed.email.toUpperCase()} `, PASSWORD, { "x-forwarded-for": "203.0.113.99" });
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await web.signIn(other.email, PASSWORD)).status).toBe(200);
  });

  test("nobody signs up, and nothing else of the library is reachable", async () => {
    for (const path of ["sign-up/email", "get-session", "list-sessions", "update-user", "change-email", "delete-user", "request-password-reset", "start-session", "error", "ok", "sign-in/social", "sign-in/email/"]) {
      for (const method of ["GET", "POST"]) {
        const answer = await handleAuth(web.platform, new Request(`${ORIGIN}/api/auth/${path}`, { method, headers: { ...sameSite, "content-type": "application/json" }, ...(method === "POST" && { body: '{"email":"x@y.test","password":"long enough pw","name":"x","userId":"x"}' }) }));
        expect(answer.status, `${method} ${path}`).toBe(404);
      }
    }
  });

  test("another site cannot sign somebody in or out", async () => {
    const { email, cookie } = await web.person("viewer");
    expect((await web.signIn(email, PASSWORD, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    const out = await handleAuth(web.platform, new Request(`${ORIGIN}/api/auth/sign-out`, { method: "POST", headers: { cookie, origin: "https://evil.example", "content-type": "application/json" }, body: "{}" }));
    expect(out.status).toBe(403);
    expect((await me(cookie)).status).toBe(200);
  });
});

describe("a session", () => {
  test("is stored without its token: who reads the database gets no cookie out of it", async () => {
    const { cookie, id: userId } = await web.person("viewer");
    const token = /session_token=([^.]+)\./.exec(decodeURIComponent(cookie))?.[1] ?? "";
    expect(token.length).toBeGreaterThanOrEqual(32);
    const session = await web.db.prisma.session.findFirstOrThrow({ where: { userId } });
    expect(session.token).toBe(createHash("sha256").update(token).digest("hex"));
    const rows = await web.db.pool.query<{ row: string }>("select s::text as row from session s");
    expect(rows.rows.filter(({ row }) => row.includes(token))).toEqual([]);
    expect((await me(cookie)).status).toBe(200);
    // A row of before, as older versions wrote it, opens nothing.
    await web.db.prisma.session.update({ where: { id: session.id }, data: { token } });
    expect((await me(cookie)).status).toBe(401);
  });

  test("ends when signed out, and the cookie is worth nothing afterwards", async () => {
    const { cookie } = await web.person("viewer");
    const out = await handleAuth(web.platform, new Request(`${ORIGIN}/api/auth/sign-out`, { method: "POST", headers: { cookie, ...sameSite, "content-type": "application/json" }, body: "{}" }));
    expect(out.status).toBe(200);
    expect((await me(cookie)).status).toBe(401);
  });

  test("ends after twelve hours without use, and lives on with use", async () => {
    const { cookie, id: userId } = await web.person("viewer");
    const session = await web.db.prisma.session.findFirstOrThrow({ where: { userId } });
    const age = (hours: number) => web.db.prisma.session.update({ where: { id: session.id }, data: { updatedAt: new Date(Date.now() - hours * HOUR_MS) } });
    await age(11);
    expect((await me(cookie)).status).toBe(200);
    const used = await web.db.prisma.session.findUniqueOrThrow({ where: { id: session.id } });
    expect(Date.now() - used.updatedAt.getTime()).toBeLessThan(HOUR_MS);
    expect(used.expiresAt).toEqual(session.expiresAt);
    await age(13);
    expect((await me(cookie)).status).toBe(401);
    expect(await web.db.prisma.session.count({ where: { id: session.id } })).toBe(0);
  });

  test("ends after seven days, however busy", async () => {
    const { cookie, id: userId } = await web.person("viewer");
    const session = await web.db.prisma.session.findFirstOrThrow({ where: { userId } });
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBeLessThanOrEqual(7 * 24 * HOUR_MS + 1000);
    await web.db.prisma.session.update({ where: { id: session.id }, data: { expiresAt: new Date(Date.now() - 1) } });
    expect((await me(cookie)).status).toBe(401);
  });

  test("a cookie whose signature was changed is none", async () => {
    const { cookie } = await web.person("viewer");
    for (const forged of [cookie.slice(0, -3), `${cookie}x`, cookie.replace(/=./, "=A"), cookie.replace(/\..*$/, ".")]) expect((await me(forged)).status, forged.slice(0, 40)).toBe(401);
  });

  test("carries no rights of its own: another role counts with the next call, and a disabled person is out", async () => {
    const { cookie, id, email } = await web.person("operator");
    await withTx(web.db, (tx) => setRole(tx, system, { userId: id, role: "viewer" }));
    expect((await web.request("POST", "/fleets", { headers: { cookie, ...sameSite }, body: { name: "no more", query: "" } })).status).toBe(403);
    await withTx(web.db, (tx) => disablePerson(tx, system, { userId: id }));
    expect((await me(cookie)).status).toBe(401);
    expect((await web.signIn(email, PASSWORD)).status).toBe(401);
  });

  test("can be ended by its owner from another browser, and by nobody else", async () => {
    const { email, cookie: lost } = await web.person("viewer");
    const here = await sessionOf(email);
    const { items } = (await (await web.request("GET", "/me/sessions", { headers: { cookie: here } })).json()) as { items: { id: string; current: boolean }[] };
    expect(items.filter((session) => session.current)).toHaveLength(1);
    const other = items.find((session) => !session.current);
    const end = (cookie: string) => web.request("DELETE", `/me/sessions/${other?.id ?? ""}`, { headers: { cookie, ...sameSite } });
    expect((await end(web.people.admin.cookie)).status).toBe(404);
    expect((await end(here)).status).toBe(200);
    expect((await me(here)).status).toBe(200);
    expect((await me(lost)).status).toBe(401);
  });
});

describe("a password", () => {
  test("is changed only with the present one, and ends the other sessions", async () => {
    const { email, cookie: here } = await web.person("admin");
    const there = await sessionOf(email);
    const change = (currentPassword: string, newPassword: string) => web.request("POST", "/me/password", { headers: { cookie: here, ...sameSite }, body: { currentPassword, newPassword } });
    expect((await change("wrong", "another good one")).status).toBe(401);
    expect((await change(PASSWORD, "short")).status).toBe(400);
    expect((await change(PASSWORD, "another good one")).status).toBe(200);
    expect((await me(here)).status).toBe(200);
    expect((await me(there)).status).toBe(401);
    expect((await web.signIn(email, PASSWORD)).status).toBe(401);
    expect((await web.signIn(email, "another good one")).status).toBe(200);
  });
});

describe("a one-time link", () => {
  const link = async (userId: string) => (await withTx(web.db, (tx) => createSignInLink(tx, system, { purpose: "sign_in", userId, ttlMs: HOUR_MS }))).token;
  const redeem = (token: string, more: object = {}) => web.request("POST", "/session/link", { headers: sameSite, body: { token, ...more } });

  test("signs in once, also when it is sent twice at the same time", async () => {
    const token = await link((await web.person("viewer")).id);
    const answers = await Promise.all([redeem(token), redeem(token), redeem(token)]);
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 410, 410]);
    const won = answers.find((answer) => answer.status === 200);
    expect((await me(cookieOf(won as Response))).status).toBe(200);
  });

  test("lets choose a password, which ends the sessions of the old one", async () => {
    const { id, email, cookie: before } = await web.person("viewer");
    const answer = await redeem(await link(id), { newPassword: "chosen by the viewer" });
    expect(answer.status).toBe(200);
    expect((await me(before)).status).toBe(401);
    expect((await me(cookieOf(answer))).status).toBe(200);
    expect((await web.signIn(email, "chosen by the viewer")).status).toBe(200);
  });

  test("a password that is too short does not use the link up", async () => {
    const token = await link((await web.person("viewer")).id);
    expect((await redeem(token, { newPassword: "short" })).status).toBe(400);
    expect((await redeem(token)).status).toBe(200);
  });

  test("a first-run link makes no second admin", async () => {
    const token = await link((await web.person("viewer")).id);
    const answer = await web.request("POST", "/session/first-admin", { headers: sameSite, body: { token, name: "M", email: "m@flotilla.test", password: "long enough now" } });
    expect(answer.status).toBe(410);
    expect(await web.db.prisma.user.count({ where: { email: "m@flotilla.test" } })).toBe(0);
    expect((await redeem(token)).status).toBe(200);
  });
});
