import { testDb, withTx, type TestDb, type Tx } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { beginIdempotent, finishIdempotent, pruneIdempotency } from "./index.ts";

let database: TestDb;
beforeAll(async () => {
  database = await testDb();
});
afterAll(() => database.drop());

const olga = { kind: "user", id: "usr_olga", name: "Olga", role: "operator" } as const;
const otto = { kind: "user", id: "usr_otto", name: "Otto", role: "operator" } as const;
const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(database.db, fn);

/** A whole mutation as the API makes it: claim, work, keep the answer, all in one transaction. */
async function mutate(key: string, hash: string, work: () => Promise<object>) {
  return tx(async (t) => {
    const claim = await beginIdempotent(t, olga, key, hash);
    if (claim.kind === "replay") return claim;
    const response = await work();
    await finishIdempotent(t, olga, key, 201, response);
    return { kind: "fresh", status: 201, response } as const;
  });
}

test("of many equal requests at the same time one is carried out and all get its answer", async () => {
  let runs = 0;
  const work = async () => ({ made: (runs += 1) });
  const answers = await Promise.all(Array.from({ length: 6 }, () => mutate("k1", "h", work)));
  expect(runs).toBe(1);
  expect(answers.filter((answer) => answer.kind === "fresh")).toHaveLength(1);
  expect(answers.map((answer) => answer.response)).toEqual(Array.from({ length: 6 }, () => ({ made: 1 })));
});

test("a request that failed leaves its key free", async () => {
  await expect(mutate("k2", "h", () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(await mutate("k2", "h", async () => ({ ok: true }))).toMatchObject({ kind: "fresh" });
});

test("a key used for another request is refused, and keys of two people are apart", async () => {
  await mutate("k3", "h", async () => ({ ok: true }));
  await expect(mutate("k3", "other", async () => ({}))).rejects.toMatchObject({ code: "idempotency_mismatch" });
  expect(await tx((t) => beginIdempotent(t, otto, "k3", "other"))).toEqual({ kind: "fresh" });
});

test("a second request is told that the first still runs, but not for ever", async () => {
  await tx((t) => beginIdempotent(t, olga, "k4", "h"));
  await expect(tx((t) => beginIdempotent(t, olga, "k4", "h"))).rejects.toMatchObject({ code: "idempotency_in_progress" });
  const later = new Date(Date.now() + 6 * 60_000);
  expect(await tx((t) => beginIdempotent(t, olga, "k4", "h", later))).toEqual({ kind: "fresh" });
});

test("answers are forgotten after a day and not before", async () => {
  await mutate("k5", "h", async () => ({ ok: true }));
  expect(await tx((t) => pruneIdempotency(t, new Date(Date.now() + 23 * 3600_000)))).toBe(0);
  expect(await tx((t) => pruneIdempotency(t, new Date(Date.now() + 25 * 3600_000)))).toBeGreaterThan(0);
  expect(await mutate("k5", "other", async () => ({ ok: true }))).toMatchObject({ kind: "fresh" });
});

test("keys that no client sends by accident are refused", async () => {
  for (const key of ["", " ", "a b", "ü", "x".repeat(256)]) {
    await expect(tx((t) => beginIdempotent(t, olga, key, "h"))).rejects.toMatchObject({ code: "bad_request" });
  }
});
