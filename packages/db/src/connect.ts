import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "./generated/prisma/client.ts";

/**
 * One process's access to one database. `prisma` and `pool` share the same connections.
 * Times come and go in UTC; int8 is a bigint and numeric a string on the `pool` side.
 */
export type Db = {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  readonly url: string;
  /** Waits for running queries and closes every connection; later calls do nothing. */
  close(): Promise<void>;
};

export type ConnectOptions = {
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /** Most connections open at once; default 10. */
  poolSize?: number;
};

const CONNECT_TIMEOUT_MS = 10_000;

// Times without a zone are UTC here; pg would read and write them in the machine's zone.
pg.defaults.parseInputDatesAsUTC = true;

const parsers = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, (text) => BigInt(text)],
  [pg.types.builtins.TIMESTAMP, (text) => new Date(`${text.replace(" ", "T")}Z`)],
  [pg.types.builtins.DATE, (text) => new Date(`${text}T00:00:00Z`)],
]);

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") => {
    const own = format === "binary" ? undefined : parsers.get(oid);
    return own ?? pg.types.getTypeParser(oid, format);
  }) as typeof pg.types.getTypeParser,
};

/** Connection settings that every connection of this package uses: UTC, our type parsers, keep-alive. */
export function clientConfig(url: string, applicationName: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    // Prisma's adapter drops the zone of a timestamptz and takes it for UTC, so the session must be in UTC.
    options: "-c TimeZone=UTC",
    types,
  };
}

/** Opens nothing yet: the first query connects. Throws only on a malformed URL. */
export function connect(url: string, options: ConnectOptions = {}): Db {
  const pool = new pg.Pool({
    ...clientConfig(url, options.applicationName ?? "flotilla"),
    max: options.poolSize ?? 10,
    idleTimeoutMillis: 30_000,
  });
  // An idle connection that the server closes is replaced by the next query; unheard, the event would end the process.
  pool.on("error", () => undefined);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  let closing: Promise<void> | undefined;
  return {
    prisma,
    pool,
    url,
    close: () => (closing ??= prisma.$disconnect().then(() => pool.end())),
  };
}
