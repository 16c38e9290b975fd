import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketOf, cutCohorts, waveOfJoiner, type CohortMember } from "./cohorts.ts";

const members = fc.uniqueArray(fc.record({ deviceId: fc.string({ minLength: 1, maxLength: 12 }), className: fc.constantFrom("pi4", "pi5", "nano", "x64") }), {
  selector: (member) => member.deviceId,
  maxLength: 120,
});
const percents = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 6 }).map((list) => [...list.toSorted((a, b) => a - b), 100]);
const salt = fc.string({ minLength: 1, maxLength: 16 });

test("a bucket is the first 52 bits of SHA-256(salt ‖ device id), the same on every machine", () => {
  // echo -n 's1dev_1' | sha256sum → 109e…: computed outside this program
  expect(bucketOf("s1", "dev_1")).toBe(Number.parseInt("109e5949f8303", 16) / 2 ** 52);
});

test("every device is in exactly one wave, and the order of the input does not matter", () => {
  fc.assert(
    fc.property(members, percents, salt, (list, cuts, s) => {
      const waves = cutCohorts(list, cuts, s);
      expect(waves.size).toBe(list.length);
      for (const wave of waves.values()) expect(wave >= 0 && wave < cuts.length).toBe(true);
      const reversed = cutCohorts(list.toReversed(), cuts, s);
      for (const [deviceId, wave] of waves) expect(reversed.get(deviceId)).toBe(wave);
    }),
  );
});

test("each class has ceil(percent of it) devices up to each wave, so every class is met in the first one", () => {
  fc.assert(
    fc.property(members, percents, salt, (list, cuts, s) => {
      const waves = cutCohorts(list, cuts, s);
      for (const className of new Set(list.map((m) => m.className))) {
        const group = list.filter((m) => m.className === className);
        for (const [k, percent] of cuts.entries()) {
          const upTo = group.filter((m) => (waves.get(m.deviceId) ?? 99) <= k).length;
          expect(upTo).toBe(Math.ceil((group.length * percent) / 100 - 1e-9));
          expect(upTo).toBeGreaterThanOrEqual(1);
        }
      }
    }),
  );
});

test("waves are nested: more percent in a wave only ever moves devices forward", () => {
  fc.assert(
    fc.property(members, percents, salt, fc.integer({ min: 1, max: 99 }), (list, cuts, s, extra) => {
      const narrow = firstWave(list, cuts, s);
      const wider = firstWave(list, [Math.max(extra, cuts[0] ?? 1), 100].filter((p, i, all) => all.indexOf(p) === i), s);
      for (const id of narrow) expect(wider.has(id)).toBe(true);
    }),
  );
});

test("another salt picks other canaries", () => {
  const list: CohortMember[] = Array.from({ length: 200 }, (_, i) => ({ deviceId: `dev_${i}`, className: "pi4" }));
  const one = firstWave(list, [10, 100], "salt one");
  const two = firstWave(list, [10, 100], "salt two");
  expect(one.size).toBe(20);
  expect([...one].filter((id) => two.has(id)).length).toBeLessThan(20);
});

test("a late joiner gets the wave of its own bucket, spread as the percents say", () => {
  const cuts = [10, 50, 100];
  const counts = [0, 0, 0];
  for (let i = 0; i < 10_000; i += 1) {
    const wave = waveOfJoiner("salt", `dev_${i}`, cuts);
    counts[wave] = (counts[wave] ?? 0) + 1;
    const position = bucketOf("salt", `dev_${i}`) * 100;
    expect(wave).toBe(position < 10 ? 0 : position < 50 ? 1 : 2);
  }
  expect(counts[0]).toBeGreaterThan(850);
  expect(counts[0]).toBeLessThan(1150);
});

function firstWave(list: readonly CohortMember[], cuts: readonly number[], s: string): Set<string> {
  return new Set([...cutCohorts(list, cuts, s)].filter(([, wave]) => wave === 0).map(([id]) => id));
}
