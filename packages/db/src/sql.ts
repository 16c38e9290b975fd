import type pg from "pg";
import type { Db } from "./connect.ts";
import { Prisma } from "./generated/prisma/client.ts";
import { retryTransaction, type Tx } from "./transaction.ts";
import { TypedArray } from "./typed-array.ts";

/**
 * Plain SQL with `$1` parameters. Values may be strings, numbers, bigints, booleans, Dates, Uint8Arrays, null,
 * arrays of these (give the parameter a type: `$1::text[]`), typed arrays (see typed-array.ts), and objects for json columns.
 * int8 comes back as bigint, numeric as string, times as Date, bytea as Uint8Array, json parsed.
 */
export type Sql = {
  query<R>(text: string, values?: readonly unknown[], options?: QueryOptions): Promise<R[]>;
};

/**
 * `prepared`: the statement stays prepared on its connection, so that it is parsed and planned once. For texts that are the same
 * each time and run often; a plan made once does not know how long the lists are, which is what a batch by key wants.
 * Ignored inside Prisma transactions.
 */
export type QueryOptions = { prepared?: boolean };

/**
 * Runs `fn` in one transaction on one connection of the pool, without Prisma in between: for set-based SQL.
 * Retries like `withTx`, so `fn` must do nothing outside the transaction.
 */
export async function withSql<T>(db: Db, fn: (sql: Sql) => Promise<T>): Promise<T> {
  return retryTransaction(async (began) => {
    const client = await db.pool.connect();
    let failure: Error | undefined;
    // The pool listens only to idle clients; unheard, the loss of this one would end the process. Its query rejects too.
    const onLost = (error: Error): void => {
      failure = error;
    };
    client.on("error", onLost);
    try {
      await client.query("begin");
      began();
      const result = await fn(sqlOfClient(client));
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch((lost: Error) => {
        failure = lost;
      });
      throw error;
    } finally {
      // A connection that could not roll back is in an unknown state: the pool must throw it away.
      client.off("error", onLost);
      client.release(failure);
    }
  });
}

function sqlOfClient(client: pg.ClientBase): Sql {
  return {
    async query<R>(text: string, values?: readonly unknown[], options?: QueryOptions) {
      const parameters = values?.map((value) => (value instanceof TypedArray ? value.toBinary() : toParameter(value))) ?? [];
      const result = options?.prepared === true ? await client.query({ name: statementName(text), text, values: parameters }) : await client.query(text, parameters);
      return result.rows as R[];
    },
  };
}

const statementNames = new Map<string, string>();

/** One name per text: a name stands for one text on every connection of this process. */
function statementName(text: string): string {
  let name = statementNames.get(text);
  if (name === undefined) statementNames.set(text, (name = `flotilla_${statementNames.size + 1}`));
  return name;
}

/** The same door inside a Prisma transaction. Slower per row than `withSql`: use it for few rows. */
export function sqlOf(tx: Tx): Sql {
  return {
    async query<R>(text: string, values?: readonly unknown[]) {
      const rows = await tx.$queryRawUnsafe<Record<string, unknown>[]>(text, ...(values ?? []).map(toParameter));
      for (const row of rows) {
        for (const [column, value] of Object.entries(row)) {
          if (Prisma.Decimal.isDecimal(value)) row[column] = (value as Prisma.Decimal).toFixed();
        }
      }
      return rows as R[];
    },
  };
}

/** The text form PostgreSQL reads (Buffers stay binary), the same for both drivers. */
function toParameter(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return toArrayLiteral(value);
  if (value instanceof TypedArray) return toArrayLiteral(value.type === "bytea" ? value.values.map(asBytes) : value.values);
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

function asBytes(value: unknown): unknown {
  return typeof value === "string" ? Buffer.from(value, "latin1") : value;
}

function toArrayLiteral(values: readonly unknown[]): string {
  let literal = "{";
  for (let i = 0; i < values.length; i += 1) literal += i === 0 ? toArrayItem(values[i]) : `,${toArrayItem(values[i])}`;
  return `${literal}}`;
}

function toArrayItem(value: unknown): string {
  switch (typeof value) {
    case "string":
      return quoteItem(value);
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    default:
  }
  if (value === null || value === undefined) return "NULL";
  if (Array.isArray(value)) return toArrayLiteral(value);
  if (value instanceof Uint8Array) return `"\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}"`;
  if (value instanceof Date) return `"${value.toISOString()}"`;
  return quoteItem(toParameter(value) as string);
}

/** What needs no quotes in an array: most ids do not. NULL would be taken for none. */
const PLAIN_ITEM = /^[A-Za-z0-9_.:-]+$/;

function quoteItem(text: string): string {
  if (PLAIN_ITEM.test(text) && (text.length !== 4 || text.toUpperCase() !== "NULL")) return text;
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
