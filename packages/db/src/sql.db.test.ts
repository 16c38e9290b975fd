import { afterAll, beforeAll, expect, test } from "vitest";
import { sqlOf, testDb, typedArray, withSql, withTx, type Sql, type TestDb } from "./index.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

const doors: [string, <T>(fn: (sql: Sql) => Promise<T>) => Promise<T>][] = [
  ["withSql", (fn) => withSql(suite.db, fn)],
  ["sqlOf a Prisma transaction", (fn) => withTx(suite.db, (tx) => fn(sqlOf(tx)))],
];

test.each(doors)("%s carries every kind of value there and back unchanged", async (_name, door) => {
  const at = new Date("2026-03-29T01:30:00.123Z");
  const rows = await door((sql) =>
    sql.query(
      `select $1::text as text, $2::int4 as small, $3::int8 as big, $4::float8 as float, $5::bool as bool, $6::timestamptz as at,
              $7::timestamp as local, $8::jsonb as json, $9::text as nothing, 12345678901234567890.5::numeric as exact`,
      ["quote ' \" \\ ü", 7, 9007199254740993n, 0.1, true, at, at, { a: [1, "x"] }, null],
    ),
  );
  expect(rows).toEqual([
    {
      text: "quote ' \" \\ ü",
      small: 7,
      big: 9007199254740993n,
      float: 0.1,
      bool: true,
      at,
      local: at,
      json: { a: [1, "x"] },
      nothing: null,
      exact: "12345678901234567890.5",
    },
  ]);
});

test.each(doors)("%s takes arrays for unnest, with nulls, quotes, times and bytes in them", async (_name, door) => {
  const at = new Date("2026-01-01T00:00:00.000Z");
  const rows = await door((sql) =>
    sql.query<{ name: string | null; big: bigint; at: Date; bytes: Uint8Array }>(
      "select * from unnest($1::text[], $2::int8[], $3::timestamptz[], $4::bytea[]) as t(name, big, at, bytes)",
      [['{"a",b}\\', null], [1n, 2n], [at, at], [new Uint8Array([0, 255]), new Uint8Array()]],
    ),
  );
  expect(rows.map((row) => ({ ...row, bytes: [...row.bytes] }))).toEqual([
    { name: '{"a",b}\\', big: 1n, at, bytes: [0, 255] },
    { name: null, big: 2n, at, bytes: [] },
  ]);
});

test.each(doors)("%s takes typed arrays of every type, with nulls, and empty ones", async (_name, door) => {
  const at = [new Date("2026-03-29T01:30:00.123Z"), null, new Date("1970-01-01T00:00:00.001Z")];
  const numbers = [Number.MAX_SAFE_INTEGER, -1, Number.MIN_SAFE_INTEGER];
  const values = (texts: readonly (string | null)[]): unknown[] => [
    typedArray("text", texts), typedArray("int4", [-2_147_483_648, 2_147_483_647, null]), typedArray("int8", numbers), typedArray("float8", [0.1, -1.5e300, null]), typedArray("timestamptz", at),
    typedArray("bytea", ["\u0000\u00ff{", Uint8Array.of(1, 2), null]),
  ];
  const query = "select * from unnest($1::text[], $2::int4[], $3::int8[], $4::float8[], $5::timestamptz[], $6::bytea[]) as t(text, small, big, float, at, bytes)";
  const texts = ["plain", "ü, { \" \\ null", "x".repeat(50_000)];
  const rows = await door((sql) => sql.query<{ bytes: Uint8Array | null }>(query, values(texts)));
  expect(rows.map((row) => ({ ...row, bytes: row.bytes && [...row.bytes] }))).toEqual([
    { text: texts[0], small: -2_147_483_648, big: BigInt(Number.MAX_SAFE_INTEGER), float: 0.1, at: at[0], bytes: [0, 255, 123] },
    { text: texts[1], small: 2_147_483_647, big: -1n, float: -1.5e300, at: null, bytes: [1, 2] },
    { text: texts[2], small: null, big: BigInt(Number.MIN_SAFE_INTEGER), float: null, at: at[2], bytes: null },
  ]);
  expect(await door((sql) => sql.query("select cardinality($1::text[])::int as n", [typedArray("text", [])]))).toEqual([{ n: 0 }]);
});

test("a number that its type cannot hold exactly is refused before it is sent", async () => {
  const send = (type: "int4" | "int8", value: number): Promise<unknown> => withSql(suite.db, (sql) => sql.query(`select $1::${type}[]`, [typedArray(type, [value])]));
  await expect(send("int4", 2 ** 31)).rejects.toThrow(RangeError);
  await expect(send("int8", 0.5)).rejects.toThrow(RangeError);
  await expect(send("int8", 2 ** 53)).rejects.toThrow(RangeError);
});

test("times mean the same through pg and through Prisma, whatever the machine's zone", async () => {
  const at = new Date("2026-07-01T12:00:00.000Z");
  await suite.db.prisma.changeEvent.create({ data: { at, topic: "time", objectId: "x" } });
  const [row] = await withSql(suite.db, (sql) => sql.query<{ at: Date }>("select at from change_event where at = $1", [at]));
  expect(row?.at).toEqual(at);
});
