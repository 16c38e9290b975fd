import fc from "fast-check";
import { expect, test } from "vitest";
import { realTimeline, simulatedTimeline } from "./timeline.ts";

test("tasks run in the order of their times, those of one moment in the order they were put in, and cancelled ones never", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ delayMs: fc.integer({ min: 0, max: 20 }), isCancelled: fc.boolean() }), { maxLength: 60 }), (entries) => {
      const timeline = simulatedTimeline(0);
      const ran: number[] = [];
      const put = entries.map(({ delayMs }, at) => timeline.after(delayMs, () => ran.push(at)));
      entries.forEach(({ isCancelled }, at) => {
        if (isCancelled) timeline.cancel(put[at] ?? null);
      });
      const wanted = entries.map((entry, at) => ({ ...entry, at })).filter((entry) => !entry.isCancelled).toSorted((a, b) => a.delayMs - b.delayMs || a.at - b.at).map((entry) => entry.at);
      expect(timeline.waiting).toBe(wanted.length);
      timeline.runUntil(20);
      expect(ran).toEqual(wanted);
      expect(timeline.waiting).toBe(0);
    }),
  );
});

test("simulated time jumps to each event and stands at the end where it was told to", () => {
  const timeline = simulatedTimeline(1_000);
  const seen: number[] = [];
  const again = (): void => {
    seen.push(timeline.nowMs());
    if (seen.length < 3) timeline.after(400, again);
  };
  timeline.after(100, again);
  timeline.runUntil(2_000);
  expect(seen).toEqual([100, 500, 900]);
  expect([timeline.nowMs(), timeline.wallMs()]).toEqual([2_000, 3_000]);
});

test("in real time an earlier task that is put in later still runs first, and none runs after the stop", async () => {
  const timeline = realTimeline();
  const ran: string[] = [];
  await new Promise<void>((resolve) => {
    timeline.after(30, () => {
      ran.push("late");
      resolve();
    });
    timeline.after(1, () => ran.push("early"));
  });
  timeline.after(0, () => ran.push("never"));
  timeline.stop();
  expect(ran).toEqual(["early", "late"]);
  expect(timeline.waiting).toBe(0);
});
