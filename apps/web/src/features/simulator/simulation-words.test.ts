import { expect, test } from "vitest";
import { faultPhrases, isUnderWay, stateSentence, topErrors } from "./simulation-words.ts";

test("every injected fault is said, and none when nothing is injected", () => {
  expect(faultPhrases({})).toEqual([]);
  expect(faultPhrases({ outage: false, lossPercent: 0, slowFactor: 1 })).toEqual([]);
  expect(faultPhrases({ outage: true, lossPercent: 20, slowFactor: 3, crashEverySeconds: 60, silentPercent: 10, badClass: "pi4" })).toEqual([
    "no network", "20 % of requests lost", "inferences 3 × as long", "power cut every 60 s", "10 % silent", "new builds crash on pi4",
  ]);
});

test("a fleet that stops is under way until it has; a failed one says why", () => {
  expect([isUnderWay({ wanted: "stopped", state: "stopping" }), isUnderWay({ wanted: "stopped", state: "stopped" }), isUnderWay({ wanted: "running", state: "failed" })]).toEqual([true, false, true]);
  expect(stateSentence({ state: "failed", problem: "no gateway", wanted: "running" })).toBe("no gateway");
  expect(stateSentence({ state: "running", problem: null, wanted: "running" })).toBeNull();
});

test("errors are told by how often they came", () => {
  expect(topErrors({ "outage (simulated)": 3, http_503: 9, rate_limited: 1, odd: 1 }, 2)).toEqual([{ kind: "http_503", times: 9 }, { kind: "outage", times: 3 }]);
});
