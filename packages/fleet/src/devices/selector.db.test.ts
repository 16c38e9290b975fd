import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDb, withSql, type TestDb } from "@flotilla/db";
import { selectorSql } from "./selector-sql.ts";
import { matchesSelector, parseSelector } from "./selector.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

// Few keys and values, so that selectors and labels meet often; some are names that trip JavaScript or LIKE.
const key = fc.constantFrom("class", "site", "a.b/c", "in", "constructor", "k_1", "K_1", "kx1");
const value = fc.constantFrom("", "lab", "LAB", "a.b", "a_b", "axb", "1", "true", "null");
const requirement = fc.oneof(
  fc.tuple(key, fc.constantFrom("=", "==", "!="), value).map(([k, op, v]) => `${k}${op}${v}`),
  fc.tuple(key, fc.constantFrom("in", "notin"), fc.array(value, { minLength: 1, maxLength: 3 })).map(([k, op, vs]) => `${k} ${op} (${vs.join(", ")})`),
  key,
  key.map((k) => `!${k}`),
);
const query = fc.array(requirement, { maxLength: 3 }).map((parts) => parts.join(","));
const labels = fc.dictionary(key, value, { noNullPrototype: true });

test("a selector selects the same devices in memory and in PostgreSQL", async () => {
  await fc.assert(
    fc.asyncProperty(query, fc.array(labels, { minLength: 1, maxLength: 12 }), async (text, devices) => {
      const selector = parseSelector(text);
      const condition = selectorSql(selector, { column: "l.labels", firstParameter: 2 });
      const rows = await withSql(suite.db, (sql) =>
        sql.query<{ i: bigint }>(`select l.i from jsonb_array_elements($1::jsonb) with ordinality as l(labels, i) where ${condition.text} order by l.i`, [JSON.stringify(devices), ...condition.values]),
      );
      expect(rows.map((row) => Number(row.i) - 1)).toEqual(devices.flatMap((device, i) => (matchesSelector(selector, device) ? [i] : [])));
    }),
    { numRuns: 400 },
  );
});

test("equality and in are answered by the index on labels", async () => {
  await withSql(suite.db, async (sql) => {
    await sql.query("set local enable_seqscan = off");
    const condition = selectorSql(parseSelector("class=pi4,site in (lab, home)"));
    const plan = await sql.query<{ "QUERY PLAN": string }>(`explain select id from device where ${condition.text}`, condition.values);
    expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).toContain("device_labels_idx");
  });
});
