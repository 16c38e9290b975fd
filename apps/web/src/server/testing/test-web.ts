import { randomBytes } from "node:crypto";
import { testDb, withTx, type TestDb } from "@flotilla/db";
import { createApiKey, createFirstAdmin, hashPassword, invitePerson, setRole, systemPrincipal, type Area, type Role } from "@flotilla/fleet";
import { createApi } from "../api/app.ts";
import { compose } from "../compose.ts";
import { handleAuth } from "../handle-auth.ts";
import type { Platform } from "../platform.ts";

export const ORIGIN = "http://flotilla.test";
export const PASSWORD = "correct horse battery";

/** The real API on a real, empty database, with one person of each role. */
export type TestWeb = {
  platform: Platform;
  db: TestDb["db"];
  people: Record<Role, { id: string; email: string; cookie: string }>;
  /** Calls the API like a program: no cookie, no Origin, unless given. */
  request(method: string, path: string, options?: { headers?: Record<string, string>; body?: unknown; text?: string; signal?: AbortSignal }): Promise<Response>;
  /** Calls it like our own page in somebody's browser. */
  as(role: Role): (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Response>;
  /** Somebody whom no other test knows, signed in. */
  person(role: Role): Promise<{ id: string; email: string; name: string; cookie: string }>;
  signIn(email: string, password: string, headers?: Record<string, string>): Promise<Response>;
  apiKey(role: Role, scopes?: readonly Area[]): Promise<string>;
  stop(): Promise<void>;
};

const system = systemPrincipal("test");

export async function startTestWeb(env: { GATEWAY_URL?: string; PUBLIC_URL?: string; METRICS_TOKEN?: string } = {}): Promise<TestWeb> {
  const { db, url, drop } = await testDb();
  const platform = compose(
    { DATABASE_URL: url, GATEWAY_URL: "http://127.0.0.1:9", PUBLIC_URL: undefined, PUBLIC_GATEWAY_URL: "http://gateway.test:3001", PORT: 3000, HOST: "127.0.0.1", AUTH_SECRET: "a".repeat(40), UPLOAD_TICKET_SECRET: "u".repeat(40), FLOTILLA_PARENT_PID: undefined, METRICS_TOKEN: undefined, ...env },
    { db, logLevel: "silent" },
  );
  const api = createApi(platform);
  const people = await makePeople(db);
  const request: TestWeb["request"] = async (method, path, { headers = {}, body, text, signal } = {}) =>
    api.request(`${ORIGIN}/api/v1${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(text !== undefined && { body: text }),
      ...(signal && { signal }),
    });
  const signIn: TestWeb["signIn"] = (email, password, headers = {}) =>
    handleAuth(platform, new Request(`${ORIGIN}/api/auth/sign-in/email`, { method: "POST", headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers }, body: JSON.stringify({ email, password }) }));
  for (const person of Object.values(people)) person.cookie = cookieOf(await signIn(person.email, PASSWORD));
  return {
    platform, db, people, request, signIn,
    as: (role) => (method, path, body, headers = {}) => request(method, path, { body, headers: { cookie: people[role].cookie, "sec-fetch-site": "same-origin", ...headers } }),
    async person(role) {
      const name = `Person ${randomBytes(4).toString("hex")}`;
      const email = `${name.replace(" ", "-").toLowerCase()}@flotilla.test`;
      const { id } = await withTx(db, async (tx) => invitePerson(tx, system, { name, email, role, passwordHash: await passwordHash }));
      return { id, email, name, cookie: cookieOf(await signIn(email, PASSWORD)) };
    },
    async apiKey(role, scopes = []) {
      return (await withTx(db, (tx) => createApiKey(tx, system, { name: `${role} ${scopes.join(" ")}`, role, scopes }))).secret;
    },
    async stop() {
      await platform.hub.close();
      await drop();
    },
  };
}

/** What a browser would send back of the answer's cookies. */
export function cookieOf(answer: Response): string {
  return answer.headers.getSetCookie().map((line) => line.split(";")[0] ?? "").join("; ");
}

const passwordHash = hashPassword(PASSWORD);

async function makePeople(db: TestDb["db"]): Promise<TestWeb["people"]> {
  const hash = await passwordHash;
  const admin = await withTx(db, (tx) => createFirstAdmin(tx, system, { name: "Ada Admin", email: "admin@flotilla.test", passwordHash: hash }));
  const operator = await withTx(db, (tx) => invitePerson(tx, system, { name: "Olga Operator", email: "operator@flotilla.test", role: "viewer", passwordHash: hash }));
  const viewer = await withTx(db, (tx) => invitePerson(tx, system, { name: "Vic Viewer", email: "viewer@flotilla.test", role: "viewer", passwordHash: hash }));
  await withTx(db, (tx) => setRole(tx, system, { userId: operator.id, role: "operator" }));
  const without = (person: { id: string; email: string }) => ({ id: person.id, email: person.email, cookie: "" });
  return { viewer: without(viewer), operator: without(operator), admin: without(admin) };
}
