import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runningEmbeddedUrl, startEmbeddedPostgres } from "../embedded/start-embedded-postgres.ts";
import { migrate } from "../migrations/migrate.ts";
import { clonePrefix, TEST_SERVER_VARIABLE, templateName, urlWithDatabase, withAdmin, type TestServer } from "./test-databases.ts";

type Running = { users: number; stop: Promise<() => Promise<void>> };
const FOLDER_PREFIX = "flotilla-test-pg-";
const LEFTOVER_AGE_MS = 3_600_000;
const KEY = Symbol.for("flotilla.testServer");
const globals = globalThis as { [KEY]?: Running };

/**
 * Global setup of vitest: one PostgreSQL server for the whole run (TEST_DATABASE_URL, or an embedded one in a
 * temporary folder) with a migrated template that `testDb()` clones. Every vitest project that names this file calls
 * it, in the same process; the first one starts the server and the last one stops it.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const running = (globals[KEY] ??= { users: 0, stop: start() });
  running.users++;
  const stop = await running.stop;
  return async () => {
    running.users--;
    if (running.users > 0) return;
    delete globals[KEY];
    await stop();
  };
}

async function start(): Promise<() => Promise<void>> {
  const server = await openServer();
  const runKey = randomBytes(4).toString("hex");
  const template = templateName(runKey);
  await withAdmin(server.adminUrl, (admin) => admin.query(`create database ${template}`));
  await migrate(urlWithDatabase(server.adminUrl, template));
  process.env[TEST_SERVER_VARIABLE] = JSON.stringify({ adminUrl: server.adminUrl, runKey } satisfies TestServer);
  return async () => {
    const left = await dropAll(server.adminUrl, runKey);
    await server.stop();
    if (left.length > 0) throw new Error(`${left.length} test database(s) were never dropped: a suite does not call drop() of its testDb().`);
  };
}

async function openServer(): Promise<{ adminUrl: string; stop(): Promise<void> }> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given) return { adminUrl: given, stop: async () => undefined };
  await removeLeftovers();
  const dataDir = await mkdtemp(join(tmpdir(), FOLDER_PREFIX));
  const server = await startEmbeddedPostgres({ dataDir, isDurable: false });
  return {
    adminUrl: server.url,
    async stop() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Folders of runs that were killed: their servers have stopped by themselves, their files stay. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const folder = join(tmpdir(), name);
    const found = await stat(folder).catch(() => undefined);
    const isOld = found !== undefined && Date.now() - found.mtimeMs > LEFTOVER_AGE_MS;
    if (isOld && (await runningEmbeddedUrl(folder)) === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Drops this run's databases; answers the clones that their suites had forgotten. */
async function dropAll(adminUrl: string, runKey: string): Promise<string[]> {
  return withAdmin(adminUrl, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>("select datname from pg_database where starts_with(datname, $1)", [clonePrefix(runKey)]);
    for (const { datname } of rows) await admin.query(`drop database if exists ${datname} with (force)`);
    await admin.query(`drop database if exists ${templateName(runKey)} with (force)`);
    return rows.map((row) => row.datname);
  });
}
