import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { freePort } from "./free-port.ts";
import { clearOrphan, lastPort, portIfRunning, recordOwner } from "./owner.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import { chooseRunAs, type RunAs } from "./run-as.ts";
import { ensureCluster, openServerFolder, rotateLog, serverFolder, SUPERUSER, type ServerFolder } from "./server-folder.ts";
import { SERVER_ENV } from "./server-env.ts";

export type EmbeddedPostgresOptions = {
  /** Absolute path of a folder of its own; made when missing. */
  dataDir: string;
  /** Default: the port of the last run when free, else any free one. */
  port?: number;
  /** Told what is going on, in sentences. */
  log?: (message: string) => void;
  /** False trades safety against power loss for speed: tests only. Default true. */
  isDurable?: boolean;
};

export type EmbeddedPostgres = {
  /** Connection URL of the database "flotilla", password included. */
  url: string;
  port: number;
  /** Pid of the process that watches the server. */
  pid: number;
  /** How root stepped down; "same" for ordinary users. */
  runsAs: RunAs["kind"];
  /** Resolves when the server is gone, wanted or not. */
  exited: Promise<void>;
  /** Cuts sessions, writes a checkpoint and waits until the server is gone. */
  stop(): Promise<void>;
};

const DATABASE = "flotilla";
const START_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 30;

/**
 * Starts PostgreSQL from node_modules on 127.0.0.1, as root or not. The server stops when this process ends, however
 * it ends. What an earlier run left behind is cleared first. Throws EmbeddedPostgresError with a sentence to print.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const folder = await openServerFolder(options.dataDir);
  const binaries = await findPostgresBinaries();
  await clearOrphan(folder);
  const runAs = await chooseRunAs(binaries.postgres, folder.dir);
  await ensureCluster(folder, binaries, runAs);
  await rotateLog(folder);
  const port = options.port ?? (await freePort(await lastPort(folder)));
  log(`Starting PostgreSQL ${binaries.majorVersion} on port ${port}.`);

  const supervisor = launch(folder, runAs, binaries.postgres, settings(port, options.isDurable ?? true));
  const gone = once(supervisor, "exit").then(() => undefined);
  const urlOf = await urlMaker(folder, port);
  try {
    await recordOwner(folder, supervisor.pid ?? 0, port);
    await untilReady(urlOf("postgres"), supervisor, folder);
    await ensureDatabase(urlOf("postgres"));
  } catch (error) {
    await stopSupervisor(supervisor, gone);
    throw error;
  }
  return {
    url: urlOf(DATABASE),
    port,
    pid: supervisor.pid ?? 0,
    runsAs: runAs.kind,
    exited: gone,
    stop: () => stopSupervisor(supervisor, gone),
  };
}

/** The URL of the server that another process runs in this folder; undefined when none runs. */
export async function runningEmbeddedUrl(dataDir: string): Promise<string | undefined> {
  const folder = serverFolder(dataDir);
  const port = await portIfRunning(folder);
  return port === undefined ? undefined : (await urlMaker(folder, port))(DATABASE);
}

async function urlMaker(folder: ServerFolder, port: number): Promise<(database: string) => string> {
  const password = (await readFile(folder.passwordFile, "utf8")).trim();
  return (database) => `postgresql://${SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

/** For a small machine that also runs everything else. Given as arguments, so they win over files in the folder. */
function settings(port: number, isDurable: boolean): string[] {
  const durability = isDurable ? "on" : "off";
  const sharedBuffersMb = Math.max(32, Math.min(256, Math.floor(totalmem() / 2 ** 20 / 16)));
  const values: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: "120",
    shared_buffers: `${sharedBuffersMb}MB`,
    work_mem: "8MB",
    maintenance_work_mem: "64MB",
    max_wal_size: "1GB",
    checkpoint_timeout: "15min",
    // The binaries have no lz4.
    wal_compression: "pglz",
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_checkpoints: "off",
    fsync: durability,
    full_page_writes: durability,
    synchronous_commit: durability,
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

function launch(folder: ServerFolder, runAs: RunAs, postgres: string, args: readonly string[]): ChildProcess {
  const order = { ...runAs.wrap(postgres, ["-D", folder.pgdata, ...args]), logFile: folder.logFile, env: SERVER_ENV };
  // Detached: Ctrl-C goes to every process of the terminal's group, and the database must be the last to stop.
  return spawn(process.execPath, [join(import.meta.dirname, "supervisor.ts"), JSON.stringify(order)], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
}

async function untilReady(url: string, supervisor: ChildProcess, folder: ServerFolder): Promise<void> {
  const giveUpAtMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const refusal = await tryConnect(url);
    if (refusal === undefined) return;
    const isGone = supervisor.exitCode !== null || supervisor.signalCode !== null;
    if (isGone || performance.now() > giveUpAtMs || refusal.code === "28P01") {
      const tail = (await readFile(folder.logFile, "utf8").catch(() => "")).trim().split("\n").slice(-8).join("\n");
      throw new EmbeddedPostgresError("did_not_start", `PostgreSQL did not start in ${folder.dir} (${refusal.message}).\n${tail}`);
    }
    await delay(POLL_MS);
  }
}

async function tryConnect(url: string): Promise<(Error & { code?: string }) | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return error as Error & { code?: string };
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function ensureDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [DATABASE]);
    if (!rowCount) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

async function stopSupervisor(supervisor: ChildProcess, gone: Promise<void>): Promise<void> {
  supervisor.stdin?.end();
  const timer = setTimeout(() => supervisor.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}
