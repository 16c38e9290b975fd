import { expect, test } from "vitest";
import { liveState, mustPoll, type LineFacts } from "./connection.ts";

const now = 1_000_000;
const facts = (part: Partial<LineFacts>): LineFacts => ({ startedAt: now - 600_000, streamOpen: true, heardAt: now - 1_000, answeredAt: now - 5_000, failedAt: null, ...part });

test("live is claimed only while something was heard in the last twenty seconds", () => {
  expect(liveState(facts({}), now)).toEqual({ kind: "live" });
  expect(liveState(facts({ heardAt: now - 30_000 }), now)).toEqual({ kind: "delayed", seconds: 30 });
});

test("a stream that has gone silent counts as lost although nobody closed it", () => {
  expect(liveState(facts({ heardAt: now - 60_000 }), now).kind).toBe("polling");
});

test("without the stream the page polls, and says since when it has heard nothing at all", () => {
  expect(liveState(facts({ streamOpen: false }), now)).toEqual({ kind: "polling" });
  expect(liveState(facts({ streamOpen: false, heardAt: now - 90_000, answeredAt: now - 40_000, failedAt: now - 100 }), now)).toEqual({ kind: "disconnected", sinceMs: now - 40_000 });
});

test("an answer after a failure means that the line is back", () => {
  expect(liveState(facts({ streamOpen: false, failedAt: now - 20_000, answeredAt: now - 10 }), now)).toEqual({ kind: "polling" });
});

test("a page that has just been opened is connecting, not broken", () => {
  const fresh = { startedAt: now - 500, streamOpen: false, heardAt: null, answeredAt: null };
  expect(liveState(facts(fresh), now)).toEqual({ kind: "connecting" });
  expect(liveState(facts({ ...fresh, startedAt: now - 10_000 }), now)).toEqual({ kind: "polling" });
});

test("it asks by itself exactly when nobody tells it", () => {
  expect([{ kind: "live" }, { kind: "delayed", seconds: 3 }, { kind: "connecting" }, { kind: "polling" }, { kind: "disconnected", sinceMs: 0 }].map((state) => mustPoll(state as Parameters<typeof mustPoll>[0]))).toEqual([false, false, false, true, true]);
});
