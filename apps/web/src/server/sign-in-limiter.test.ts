import { expect, test } from "vitest";
import { SignInLimiter } from "./sign-in-limiter.ts";

test("ten thousand guesses from as many addresses get ten tries in a quarter of an hour", () => {
  const limiter = new SignInLimiter();
  const letThrough = Array.from({ length: 10_000 }, (_, i) => limiter.attempt("Ana@example.test", `addr ${i}`, 1_000)).filter((waitMs) => waitMs === 0);
  expect(letThrough).toHaveLength(10);
  expect(limiter.attempt("ana@example.test", "addr", 1_000 + 15 * 60_000)).toBe(0);
});

test("one address tries a hundred accounts and no more", () => {
  const limiter = new SignInLimiter();
  const waits = Array.from({ length: 150 }, (_, i) => limiter.attempt(`person ${i}`, "198.51.100.7", 0));
  expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(100);
  expect(limiter.attempt("person 151", "198.51.100.8", 0)).toBe(0);
});

test("a right password clears the account", () => {
  const limiter = new SignInLimiter();
  for (let i = 0; i < 10; i += 1) limiter.attempt("ana", "a", 0);
  limiter.succeeded("ANA");
  expect(limiter.attempt("ana", "a", 0)).toBe(0);
});

test("a flood of made-up accounts does not eat the memory, and the newest still count", () => {
  const limiter = new SignInLimiter();
  for (let i = 0; i < 60_000; i += 1) limiter.attempt(`made up ${i}`, `a ${i}`, 0);
  for (let i = 0; i < 10; i += 1) limiter.attempt("ana", "a", 0);
  expect(limiter.attempt("ana", "a", 0)).toBeGreaterThan(0);
});
