import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connect, testDb, type Db, type TestDb } from "@flotilla/db";
import { SignInLimiter } from "./sign-in-limiter.ts";

const WINDOW_MS = 15 * 60_000;
const T = Date.parse("2026-11-28T12:00:00Z");
let suite: TestDb;
let other: Db;
let limiters: SignInLimiter[];
beforeAll(async () => {
  suite = await testDb();
  // A second web process.
  other = connect(suite.url);
  limiters = [new SignInLimiter(suite.db), new SignInLimiter(other)];
});
afterAll(async () => {
  await other.close();
  await suite.drop();
});
beforeEach(async () => {
  await suite.db.prisma.signInAttempt.deleteMany();
});

const attempt = (i: number, account: string, address: string, nowMs = T): Promise<number> => (limiters[i % 2] as SignInLimiter).attempt(account, address, nowMs);
const passed = (waits: number[]): number => waits.filter((waitMs) => waitMs === 0).length;

test("guesses from many addresses, at two processes at once, get ten tries in a quarter of an hour together", async () => {
  const waits = await Promise.all(Array.from({ length: 60 }, (_, i) => attempt(i, "Ana@example.test", `addr ${i}`)));
  expect(passed(waits)).toBe(10);
  expect(Math.max(...waits)).toBeLessThanOrEqual(WINDOW_MS);
  expect(await attempt(0, "ana@example.test ", "addr", T + WINDOW_MS - 1)).toBe(1);
  expect(await attempt(1, "ana@example.test", "addr", T + WINDOW_MS)).toBe(0);
});

test("one address tries a hundred accounts and no more, and leaves no more behind", async () => {
  const waits: number[] = [];
  for (let i = 0; i < 110; i += 1) waits.push(await attempt(i, `person ${i}`, "198.51.100.7"));
  expect(passed(waits)).toBe(100);
  expect(await suite.db.prisma.signInAttempt.count()).toBe(101);
  expect(await attempt(0, "person 151", "198.51.100.8")).toBe(0);
});

test("a right password clears the account at every process", async () => {
  for (let i = 0; i < 10; i += 1) await attempt(i, "ana", `a ${i}`);
  expect(await attempt(1, "ana", "b")).toBeGreaterThan(0);
  await limiters[0]?.succeeded("ANA");
  expect(await attempt(1, "ana", "b")).toBe(0);
});

test("counts whose time is over are deleted by those who come later", async () => {
  for (let i = 0; i < 20; i += 1) await attempt(i, `once ${i}`, `a ${i}`);
  await attempt(0, "later", "b", T + WINDOW_MS);
  expect(await suite.db.prisma.signInAttempt.count()).toBe(2);
});
