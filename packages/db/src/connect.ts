import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "./generated/prisma/client.ts";
import { endWhenSilent } from "./silence.ts";

/**
 * One process's access to one database. `prisma` and `pool` share the same connections.
 * Times come and go in UTC; int8 is a bigint and numeric a string on the `pool` side.
 */
export type Db = {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  readonly url: string;
  /** See `ConnectOptions`. */
  readonly silenceMs: number | undefined;
  /** Waits for running queries and closes every connection; later calls do nothing. */
  close(): Promise<void>;
};

export type ConnectOptions = {
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /** Most connections open at once; default 10. */
  poolSize?: number;
  /**
   * A connection that was sent a statement and says nothing for so long is given up, and the server is told to end a transaction in which it hears
   * nothing for so long; must be longer than any statement. Default: never, for tools whose statements take minutes.
   */
  silenceMs?: number | undefined;
};

const CONNECT_TIMEOUT_MS = 10_000;
/** Idle connections are probed, from both sides: what a dead client held must be free within a minute, not after the system's two hours. */
const KEEP_ALIVE_AFTER_MS = 30_000;
const KEEP_ALIVE_OF_SERVER = { tcp_keepalives_idle: KEEP_ALIVE_AFTER_MS / 1_000, tcp_keepalives_interval: 5, tcp_keepalives_count: 4 } as const;

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

/** Connection settings that every connection of this package uses: UTC, our type parsers, keep-alive; `session` are further settings of the server. */
export function clientConfig(url: string, applicationName: string, session: Readonly<Record<string, string | number>> = {}): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    // Prisma's adapter drops the zone of a timestamptz and takes it for UTC, so the session must be in UTC.
    options: Object.entries({ TimeZone: "UTC", ...KEEP_ALIVE_OF_SERVER, ...session }).map(([name, value]) => `-c ${name}=${value}`).join(" "),
    types,
  };
}

/** Opens nothing yet: the first query connects. Throws only on a malformed URL. */
export function connect(url: string, options: ConnectOptions = {}): Db {
  const { silenceMs } = options;
  const pool = new pg.Pool({
    ...clientConfig(url, options.applicationName ?? "flotilla", silenceMs === undefined ? {} : { idle_in_transaction_session_timeout: silenceMs }),
    max: options.poolSize ?? 10,
    idleTimeoutMillis: 30_000,
  });
  // An idle connection that the server closes is replaced by the next query; unheard, the event would end the process.
  pool.on("error", () => undefined);
  if (silenceMs !== undefined) pool.on("connect", (client) => endWhenSilent(client, silenceMs));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  let closing: Promise<void> | undefined;
  return {
    prisma,
    pool,
    url,
    silenceMs,
    close: () => (closing ??= prisma.$disconnect().then(() => pool.end())),
  };
}
