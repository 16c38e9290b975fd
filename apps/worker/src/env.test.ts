import { expect, test } from "vitest";
import { readEnv } from "./env.ts";

const needed = { DATABASE_URL: "postgresql://u:p@localhost:5432/flotilla", ARTIFACT_STORE: "/var/lib/flotilla" };

test("an empty environment names every setting that is missing at once", () => {
  expect(() => readEnv({})).toThrow(/DATABASE_URL[\s\S]*ARTIFACT_STORE/);
});

test("only what must be given must be given, and an empty value counts as absent", () => {
  expect(readEnv({ ...needed, WORKER_CONCURRENCY: "", HEALTH_PORT: "" })).toMatchObject({ WORKER_CONCURRENCY: 2, HEALTH_PORT: 0, ROLLOUT_TICK_MS: 1_000, MEASURE_BUDGET_MS: 10_000, LOG_LEVEL: "info" });
});

test("numbers outside their range and addresses of other things are refused", () => {
  expect(() => readEnv({ ...needed, WORKER_CONCURRENCY: "0" })).toThrow("WORKER_CONCURRENCY");
  expect(() => readEnv({ ...needed, HEALTH_PORT: "70000" })).toThrow("HEALTH_PORT");
  expect(() => readEnv({ ...needed, DATABASE_URL: "https://example.org" })).toThrow("postgres://");
});

test("an error does not print the database's password", () => {
  expect(() => readEnv({ DATABASE_URL: "mysql://u:secret@host/db" })).toThrow(/^(?![\s\S]*secret)/);
});
