import { describe, expect, test } from "vitest";
import { Batches } from "./batches.ts";

const OPTIONS = { waitMs: 0, most: 4 };
class Away extends Error {}
const ports = { isDatabaseAway: (error: unknown) => error instanceof Away };
/** What became of each: its outcome, or the code or message of its error. */
const ends = async (calls: Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(calls)).map((end) => (end.status === "fulfilled" ? end.value : ((end.reason as { code?: string }).code ?? (end.reason as Error).message)));

describe("calls that come together", () => {
  test("are stored in batches of bounded size, in order, and each gets its own outcome", async () => {
    const batches: number[][] = [];
    const doubled = new Batches(ports, OPTIONS, async (items: readonly number[]) => {
      batches.push([...items]);
      return items.map((item) => item * 2);
    });
    expect(await ends(Array.from({ length: 10 }, (_, i) => doubled.add(i)))).toEqual(Array.from({ length: 10 }, (_, i) => i * 2));
    expect(batches).toEqual([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
  });

  test("are stored one batch at a time; what comes meanwhile waits for the next", async () => {
    const first = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    const slow = new Batches(ports, OPTIONS, async (items: readonly string[]) => {
      running += 1;
      most = Math.max(most, running);
      await first.promise;
      running -= 1;
      return items;
    });
    const calls = [slow.add("a")];
    await expect.poll(() => running).toBe(1);
    calls.push(slow.add("b"), slow.add("c"));
    first.resolve();
    expect(await ends(calls)).toEqual(["a", "b", "c"]);
    expect(most).toBe(1);
  });

  test("do not suffer for the one that cannot be stored", async () => {
    const strict = new Batches(ports, OPTIONS, async (items: readonly number[]) => {
      if (items.includes(2)) throw new Error("2 cannot be stored");
      return items;
    });
    expect(await ends([0, 1, 2, 3, 4].map((item) => strict.add(item)))).toEqual([0, 1, "2 cannot be stored", 3, 4]);
  });

  test("are all told to come again when the database is away, and are not tried a second time: nobody knows whether they were stored", async () => {
    let tries = 0;
    const away = new Batches(ports, OPTIONS, async () => {
      tries += 1;
      throw new Away();
    });
    expect(await ends([1, 2, 3].map((item) => away.add(item)))).toEqual(["unavailable", "unavailable", "unavailable"]);
    expect(tries).toBe(1);
  });
});
