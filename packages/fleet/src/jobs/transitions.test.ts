import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nextBuildState } from "../builds/transitions.ts";
import { nextVersionState } from "../models/transitions.ts";
import { isEndState, nextJobState, type JobEvent } from "./transitions.ts";
import type { JobStateName } from "./types.ts";

const states: JobStateName[] = ["queued", "running", "succeeded", "failed", "cancelled", "quarantined"];
const events: JobEvent[] = ["claim", "succeed", "fail", "cancel", "release", "lease_over", "give_up", "retry"];

/** Written a second time on purpose: a change of the table must be meant. */
const allowed = new Map([
  ["queued claim", "running"],
  ["queued cancel", "cancelled"],
  ["running succeed", "succeeded"],
  ["running fail", "failed"],
  ["running cancel", "cancelled"],
  ["running release", "queued"],
  ["running lease_over", "queued"],
  ["running give_up", "quarantined"],
  ["failed retry", "queued"],
  ["cancelled retry", "queued"],
  ["quarantined retry", "queued"],
]);

test.each(states.flatMap((state) => events.map((event) => [state, event] as const)))("a %s job on %s goes where it should or nowhere", (state, event) => {
  expect(nextJobState(state, event)).toBe(allowed.get(`${state} ${event}`) ?? null);
});

test("only a person takes a job out of an end state", () => {
  for (const state of states.filter(isEndState)) {
    for (const event of events.filter((name) => name !== "retry")) expect(nextJobState(state, event)).toBeNull();
  }
});

test("a ready version and a ready build never change again", () => {
  for (const event of ["accept", "refuse", "retry"] as const) expect(nextVersionState("ready", event)).toBeNull();
  for (const event of ["finish", "fail", "retry"] as const) expect(nextBuildState("ready", event)).toBeNull();
});

test("a refused version and a failed build can only be tried again", () => {
  expect(nextVersionState("rejected", "retry")).toBe("validating");
  expect(nextVersionState("rejected", "accept")).toBeNull();
  expect(nextBuildState("failed", "retry")).toBe("pending");
  expect(nextBuildState("failed", "finish")).toBeNull();
});

test("the picture in docs/jobs.md is the table", () => {
  const picture = readFileSync(new URL("../../../../docs/jobs.md", import.meta.url), "utf8");
  const arrows = [...picture.matchAll(/^ {2}(\w+) --> (\w+): (\w+)$/gm)].map(([, from, to, event]) => [`${from} ${event}`, to]);
  expect(new Map(arrows as [string, string][])).toEqual(allowed);
});
