import { expect, test } from "vitest";
import type { SyncRequest, Target } from "@flotilla/protocol";
import { syncAnswerOf, syncAnswerText, type SyncAnswerFacts } from "./sync-answer.ts";

const request = { protocol: 1, bootId: "boot-1234", report: { targetVersion: 3 } } as unknown as SyncRequest;
const target: Target = { targetVersion: 4, deploymentId: "dep_1", build: null, maxAttempts: 2, attemptTimeoutMs: 1000 };
const facts: SyncAnswerFacts = { request, target: null, mayHandOut: true, ack: null, hasOpenDeployment: false, intervalMs: 30_000, load: 0, nowMs: 0, random: 0.5 };

test("the interval is drawn from 0.5 to 1.5 times the set one", () => {
  expect(syncAnswerOf({ ...facts, random: 0 }).syncAfterMs).toBe(15_000);
  expect(syncAnswerOf({ ...facts, random: 0.999999 }).syncAfterMs).toBe(45_000);
});

test("it is a quarter while a deployment is under way, never below a second, and stretched by load", () => {
  expect(syncAnswerOf({ ...facts, hasOpenDeployment: true }).syncAfterMs).toBe(7_500);
  expect(syncAnswerOf({ ...facts, hasOpenDeployment: true, intervalMs: 2_000 }).syncAfterMs).toBe(1_000);
  expect(syncAnswerOf({ ...facts, hasOpenDeployment: true, intervalMs: 500 }).syncAfterMs).toBe(500);
  expect(syncAnswerOf({ ...facts, load: 1 }).syncAfterMs).toBe(120_000);
});

test("a target goes out only when the device's is older", () => {
  expect(syncAnswerOf({ ...facts, target }).target).toEqual(target);
  expect(syncAnswerOf({ ...facts, target: { ...target, targetVersion: 3 } }).target).toBeUndefined();
  expect(syncAnswerOf({ ...facts, target: { ...target, targetVersion: 2 } }).target).toBeUndefined();
});

test("a target that was not noted with the sync waits for the next one, but stops an install that it replaces at once", () => {
  const installing = { ...request, report: { ...request.report, deployment: { deploymentId: "dep_0", targetVersion: 3, attempt: 1, phase: "installing" } } } as unknown as SyncRequest;
  const answer = syncAnswerOf({ ...facts, target, mayHandOut: false, request: installing });
  expect(answer.target).toBeUndefined();
  expect(answer.commands).toEqual([{ kind: "cancel", deploymentId: "dep_0" }]);
});

test("an install is cancelled only when a newer target replaced it and it has not switched yet", () => {
  const at = (phase: string, deploymentId = "dep_0"): SyncRequest => ({ ...request, report: { ...request.report, deployment: { deploymentId, targetVersion: 3, attempt: 1, phase } } }) as unknown as SyncRequest;
  expect(syncAnswerOf({ ...facts, target, request: at("downloading") }).commands).toEqual([{ kind: "cancel", deploymentId: "dep_0" }]);
  expect(syncAnswerOf({ ...facts, target, request: at("installing") }).commands).toHaveLength(1);
  expect(syncAnswerOf({ ...facts, target, request: at("verifying") }).commands).toEqual([]);
  expect(syncAnswerOf({ ...facts, target, request: at("downloading", "dep_1") }).commands).toEqual([]);
  expect(syncAnswerOf({ ...facts, request: at("downloading") }).commands).toEqual([]);
});

test("the text of an answer is the answer's JSON, whatever it holds", () => {
  const busy = { ...request, report: { ...request.report, deployment: { deploymentId: "dep_0", targetVersion: 3, attempt: 1, phase: "downloading" } } } as unknown as SyncRequest;
  const acks = [null, { epoch: "0123456789abcdef", seq: 12 }];
  for (const ack of acks) for (const t of [null, target]) for (const r of [request, busy]) for (const mayHandOut of [true, false]) {
    const all = { ...facts, ack, target: t, request: r, mayHandOut, nowMs: 1_795_000_000_123 };
    expect(syncAnswerText(all, new Date(all.nowMs).toISOString())).toBe(JSON.stringify(syncAnswerOf(all)));
  }
});
