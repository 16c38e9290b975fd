import { seededRandom } from "@flotilla/runtime";
import { describe, expect, test } from "vitest";
import { convertKeras } from "./convert-keras.ts";
import { KERAS_LIMITS } from "./keras-limits.ts";
import { KerasRefusal } from "./keras-refusal.ts";
import { hostileKeras, soundKeras } from "./testing/hostile-keras.ts";

describe("hostile Keras files are refused by name, with a clause for people", () => {
  test.each(hostileKeras())("$name ($format) → $refusal", async ({ name, format, bytes, refusal, says, limits = {} }) => {
    const failure: unknown = await convertKeras(await bytes(), format, { ...KERAS_LIMITS, ...limits }).then(() => "accepted", (error: unknown) => error);
    expect(failure, `${name}: ${String(failure)}`).toBeInstanceOf(KerasRefusal);
    const { code, reason } = failure as KerasRefusal;
    expect(reason).toMatch(says);
    expect(code, reason).toBe(refusal);
    expect(reason.length).toBeLessThan(500);
  });
});

test.each(["h5", "keras"] as const)("a .%s file with bytes changed at random is converted or refused, and nothing else happens", async (format) => {
  const sound = await soundKeras(format);
  const random = seededRandom(17);
  const outcomes = new Map<string, number>();
  for (let round = 0; round < 200; round += 1) {
    const bytes = Uint8Array.from(sound);
    for (let change = 0; change < 3; change += 1) bytes[Math.floor(random() * bytes.byteLength)] = Math.floor(random() * 256);
    const outcome = await convertKeras(bytes, format).then(() => "converted", (error: unknown) => (error instanceof KerasRefusal ? error.code : String(error)));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect([...outcomes.keys()].filter((outcome) => outcome !== "converted" && !outcome.startsWith("keras_"))).toEqual([]);
  expect(outcomes.size).toBeGreaterThan(2);
});

test("a file cut anywhere is refused", async () => {
  const sound = await soundKeras("h5");
  for (let end = 0; end < sound.byteLength; end += 97) {
    await expect(convertKeras(sound.subarray(0, end), "h5"), `cut at ${end}`).rejects.toBeInstanceOf(KerasRefusal);
  }
});
