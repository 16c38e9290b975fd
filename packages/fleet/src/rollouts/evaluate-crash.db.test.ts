import { connect, testDb, withAdvisoryLock, withSql, withTx, type TestDb } from "@flotilla/db";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRollout, pauseRollout, startRollout } from "./actions.ts";
import { EVALUATOR_LOCK, evaluateRollouts } from "./evaluate.ts";
import { ada, addBuild, addDevices, addFleet, as, devicesReport, seenAt } from "./testing/fleet-world.ts";
import { getRollout } from "./views.ts";

let suite: TestDb;
beforeEach(async () => {
  suite = await testDb();
});
afterEach(() => suite.drop());

async function startedOn(devices: number): Promise<{ id: string; ids: string[] }> {
  const ids = await addDevices(suite.db, devices, new Date());
  const fleetId = await addFleet(suite.db);
  const rollout = await as(suite.db, createRollout, { buildId: await addBuild(suite.db, "b"), fleetId, waves: [{ percent: 100, soakSeconds: 0 }] });
  await as(suite.db, startRollout, { id: rollout.id });
  return { id: rollout.id, ids };
}

const counts = async (id: string) => (await as(suite.db, getRollout, { id })).counts;

/** Makes the database fail once this many rows of the table were written: a crash at a place of our choice. */
async function crashAfter(rows: number, event: "insert on deployment" | "update on deployment" | "insert on device_target"): Promise<void> {
  await withSql(suite.db, async (sql) => {
    await sql.query("create sequence crash_counter");
    await sql.query(`create function crash() returns trigger language plpgsql as $$ begin
      if nextval('crash_counter') > ${rows} then raise exception 'crash here'; end if; return new; end $$`);
    await sql.query(`create trigger crash before ${event} for each row execute function crash()`);
  });
}
const heal = (): Promise<unknown> => withSql(suite.db, (sql) => sql.query("drop function crash cascade"));

for (const event of ["insert on deployment", "update on deployment", "insert on device_target"] as const) {
  test(`a crash in the middle of opening a wave (${event}) leaves whole chunks, and the next evaluation finishes it`, async () => {
    const { id, ids } = await startedOn(50);
    await crashAfter(27, event);
    const crashed = await evaluateRollouts(suite.db, new Date(), { chunk: 10 });
    expect(crashed).toMatchObject({ kind: "evaluated", failures: [{ rolloutId: id }] });
    const half = await counts(id);
    expect(half.total % 10).toBe(0);
    expect(half.offered % 10).toBe(0);
    expect(half.offered).toBeLessThan(50);
    await heal();
    expect(await evaluateRollouts(suite.db, new Date(), { chunk: 10 })).toMatchObject({ failures: [] });
    expect(await counts(id)).toMatchObject({ total: 50, offered: 50 });
    const versions = await withSql(suite.db, (sql) => sql.query<{ target_version: bigint }>("select target_version from device_target"));
    expect(versions.map((v) => Number(v.target_version)), "each device was given its target once").toEqual(ids.map(() => 1));
  });
}

test("an evaluator whose connection dies in the middle is followed by one that finishes", async () => {
  const { id } = await startedOn(40);
  const dying = connect(suite.url, { applicationName: "dying evaluator" });
  await withSql(suite.db, async (sql) => {
    await sql.query("create function die() returns trigger language plpgsql as $$ begin if (select count(*) from deployment where state = 'offered') >= 10 and current_setting('application_name') like 'dying%' then perform pg_terminate_backend(pg_backend_pid()); end if; return new; end $$");
    await sql.query("create trigger die before update on deployment for each row execute function die()");
  });
  const result = await evaluateRollouts(dying, new Date(), { chunk: 10 });
  expect(result).toMatchObject({ kind: "evaluated", failures: [{ rolloutId: id }] });
  await dying.close();
  expect((await counts(id)).offered, "the chunk in which it died is undone as a whole").toBe(10);
  await evaluateRollouts(suite.db, new Date(), { chunk: 10 });
  expect(await counts(id)).toMatchObject({ total: 40, offered: 40 });
});

test("whatever evaluators run at the same time, nothing is done twice", async () => {
  const { id } = await startedOn(60);
  const others = [connect(suite.url), connect(suite.url), connect(suite.url)];
  const results = await Promise.all([suite.db, ...others].map((db) => evaluateRollouts(db, new Date(), { chunk: 5 })));
  await Promise.all(others.map((db) => db.close()));
  for (const result of results) if (result.kind === "evaluated") expect(result.failures).toEqual([]);
  expect(await counts(id)).toMatchObject({ total: 60, offered: 60 });
  const [highest] = await withSql(suite.db, (sql) => sql.query<{ highest: bigint }>("select max(target_version) as highest from device_target"));
  expect(Number(highest?.highest)).toBe(1);
});

test("while one evaluator works, another one steps aside at once and changes nothing", async () => {
  const { id } = await startedOn(4);
  const held = await withAdvisoryLock(suite.db, EVALUATOR_LOCK, () => evaluateRollouts(suite.db, new Date()));
  expect(held).toEqual({ kind: "held", value: { kind: "busy" } });
  expect((await counts(id)).total).toBe(0);
});

test("the clock is asked once the lock is held, so that nothing is dated before what the evaluator ahead did", async () => {
  const clock = vi.fn<() => Date>(() => new Date());
  await withAdvisoryLock(suite.db, EVALUATOR_LOCK, () => evaluateRollouts(suite.db, clock));
  expect(clock).not.toHaveBeenCalled();
  await evaluateRollouts(suite.db, clock);
  expect(clock).toHaveBeenCalledOnce();
});

test("nothing is offered after a pause has committed, however the two meet", async () => {
  const { id } = await startedOn(200);
  const evaluating = evaluateRollouts(suite.db, new Date(), { chunk: 5 });
  await as(suite.db, pauseRollout, { id });
  const paused = await counts(id);
  expect(paused.offered).toBe(0);
  await evaluating;
  expect((await counts(id)).offered).toBe(0);
});

test("an offer that was planned before a pause committed is not made after it", async () => {
  const ids = await addDevices(suite.db, 10, new Date());
  const fleetId = await addFleet(suite.db);
  const { id } = await as(suite.db, createRollout, { buildId: await addBuild(suite.db, "b"), fleetId, waves: [{ percent: 100, soakSeconds: 0 }], policy: { maxInFlight: 4 } });
  await as(suite.db, startRollout, { id });
  await evaluateRollouts(suite.db, new Date());
  await devicesReport(suite.db, ids, () => "succeed");
  const before = await counts(id);
  expect(before).toMatchObject({ succeeded: 4, offered: 0 });
  let evaluating: Promise<unknown> = Promise.resolve();
  await withTx(suite.db, async (tx) => {
    await pauseRollout(tx, ada, { id });
    evaluating = evaluateRollouts(suite.db, new Date());
    // It has planned by the rollout as it was, and waits for the row to make its offer.
    await vi.waitFor(async () => expect(await waitingForARow()).toBe(1), { timeout: 10_000 });
  });
  await evaluating;
  expect(await counts(id)).toEqual(before);
});

const waitingForARow = async (): Promise<number> =>
  (await withSql(suite.db, (sql) => sql.query("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike '%rollout%for update%'"))).length;

test("evaluating again without news changes nothing", async () => {
  const { id } = await startedOn(8);
  const now = new Date();
  await evaluateRollouts(suite.db, now);
  const before = await as(suite.db, getRollout, { id });
  expect(await evaluateRollouts(suite.db, now)).toMatchObject({ steps: 0, offered: 0 });
  expect(await as(suite.db, getRollout, { id })).toEqual(before);
});

test("10,000 devices are put into waves, offered and completed", async () => {
  const { id, ids } = await startedOn(10_000);
  const from = performance.now();
  await evaluateRollouts(suite.db, new Date());
  const opened = performance.now();
  expect(await counts(id)).toMatchObject({ total: 10_000, offered: 10_000 });
  const idle = performance.now();
  await evaluateRollouts(suite.db, new Date());
  const idleEnd = performance.now();
  await devicesReport(suite.db, ids, () => "succeed");
  const reported = performance.now();
  await seenAt(suite.db, ids, new Date());
  await evaluateRollouts(suite.db, new Date());
  expect(await as(suite.db, getRollout, { id })).toMatchObject({ state: "completed", counts: { succeeded: 10_000 } });
  // Printed for information; nothing depends on it.
  process.stdout.write(`10,000 devices: planned and offered in ${(opened - from).toFixed(0)} ms, an evaluation without news ${(idleEnd - idle).toFixed(0)} ms, 40,000 reports ${(reported - idleEnd).toFixed(0)} ms\n`);
});
