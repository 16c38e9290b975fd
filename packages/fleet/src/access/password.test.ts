import { expect, test } from "vitest";
import { hashPassword, verifyPassword } from "./password.ts";

// Made by hashPassword of @better-auth/utils, which better-auth 1.7 signs people in with.
const BETTER_AUTH_HASH =
  "d516cb36cd5f95f7c2a67cde1ac46b7d:5832434e09a04530a707abc0006af6ee4a643cac5bc9b2e51fa15ee8e9671ffbf9889e19d9a824debe5acdca22212d0b44160cbffbc3a1e59d1376c6c955b12f";

test("a hash that better-auth made is understood, in any Unicode form of the password", async () => {
  expect(await verifyPassword("correct horse battery staple \u00fc", BETTER_AUTH_HASH)).toBe(true);
  expect(await verifyPassword("correct horse battery staple u\u0308", BETTER_AUTH_HASH)).toBe(true);
  expect(await verifyPassword("correct horse battery staple u", BETTER_AUTH_HASH)).toBe(false);
});

test("a new hash has better-auth's form, its own salt, and fits its password only", async () => {
  const [one, other] = await Promise.all([hashPassword("hunter2 hunter2"), hashPassword("hunter2 hunter2")]);
  expect(one).toMatch(/^[0-9a-f]{32}:[0-9a-f]{128}$/);
  expect(one).not.toBe(other);
  expect(await verifyPassword("hunter2 hunter2", one)).toBe(true);
  expect(await verifyPassword("hunter2 hunter3", one)).toBe(false);
});

test("text that is no hash fits nothing", async () => {
  expect(await verifyPassword("", "")).toBe(false);
  expect(await verifyPassword("", ":")).toBe(false);
  expect(await verifyPassword("x", "salt:00")).toBe(false);
});
