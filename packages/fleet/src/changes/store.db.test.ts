import { listen, testDb, withSql, withTx, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHANGES_CHANNEL, changesSince, newestChange, pruneChanges, recordChange, recordChanges } from "./index.ts";

let database: TestDb;
beforeAll(async () => {
  database = await testDb();
});
afterAll(() => database.drop());

const since = (seq: number, limit = 100) => withTx(database.db, (tx) => changesSince(tx, seq, limit));
const newest = () => withTx(database.db, newestChange);

test("a change is told at commit and never when its transaction fails", async () => {
  const heard: string[] = [];
  let wake = (): void => undefined;
  const listening = await listen(database.db, [CHANGES_CHANNEL], (_channel, payload) => {
    heard.push(payload);
    wake();
  });
  const before = await newest();
  await withTx(database.db, async (tx) => {
    await recordChange(tx, "model", "mdl_gone");
    throw new Error("no");
  }).catch(() => undefined);
  const arrived = new Promise<void>((resolve) => {
    wake = resolve;
  });
  await withTx(database.db, (tx) => recordChange(tx, "model", "mdl_1"));
  await arrived;
  const { events } = await since(before);
  expect(events).toMatchObject([{ topic: "model", objectId: "mdl_1" }]);
  expect(heard).toEqual([String(events[0]?.seq)]);
  await listening.close();
});

test("many objects change in one statement, also inside a plain SQL transaction", async () => {
  const before = await newest();
  await withSql(database.db, (sql) => recordChanges(sql, "device", ["dev_1", "dev_2", "dev_3"]));
  await withSql(database.db, (sql) => recordChanges(sql, "device", []));
  const { events } = await since(before);
  expect(events.map((event) => event.objectId).toSorted()).toEqual(["dev_1", "dev_2", "dev_3"]);
});

test("an event that commits late is found by a reader that follows the notification", async () => {
  const before = await newest();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let inserted = (): void => undefined;
  const hasInserted = new Promise<void>((resolve) => {
    inserted = resolve;
  });
  const slow = withTx(database.db, async (tx) => {
    await recordChange(tx, "job", "job_slow");
    inserted();
    await held;
  });
  await hasInserted;
  await withTx(database.db, (tx) => recordChange(tx, "job", "job_quick"));
  const first = await since(before);
  expect(first.events.map((event) => event.objectId)).toEqual(["job_quick"]);
  const lastSeen = first.events.at(-1)?.seq ?? 0;
  release();
  await slow;
  const notified = lastSeen - 1;
  const second = await since(Math.min(lastSeen, notified - 1));
  expect(second.events.map((event) => event.objectId)).toEqual(["job_slow", "job_quick"]);
});

test("a reader that was away for longer than events are kept is told so", async () => {
  await withTx(database.db, (tx) => recordChange(tx, "model", "mdl_old"));
  const seen = await newest();
  await withTx(database.db, (tx) => recordChange(tx, "model", "mdl_missed"));
  await withTx(database.db, (tx) => recordChange(tx, "model", "mdl_last"));
  expect(await since(seen)).toMatchObject({ pruned: false, events: [{ objectId: "mdl_missed" }, { objectId: "mdl_last" }] });
  const inTwoHours = new Date(Date.now() + 2 * 3600_000);
  expect(await withTx(database.db, (tx) => pruneChanges(tx, inTwoHours))).toBeGreaterThan(0);
  expect(await since(seen)).toMatchObject({ pruned: true });
  expect(await since(await newest())).toEqual({ pruned: false, events: [] });
  expect(await since((await newest()) + 1_000)).toMatchObject({ pruned: true });
});

test("a limit cuts the list but not its order", async () => {
  const before = await newest();
  for (const id of ["a", "b", "c"]) await withTx(database.db, (tx) => recordChange(tx, "fleet", id));
  const first = await since(before, 2);
  const rest = await since(first.events.at(-1)?.seq ?? 0, 2);
  expect([...first.events, ...rest.events].map((event) => event.objectId)).toEqual(["a", "b", "c"]);
});
