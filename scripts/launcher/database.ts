import { setTimeout as delay } from "node:timers/promises";
import { EmbeddedPostgresError, migrate, MigrationError, startEmbeddedPostgres, type EmbeddedPostgres } from "@flotilla/db/setup";
import type { DataFolder } from "./data-folder.ts";
import { Refusal } from "./refusal.ts";

export type Database = {
  url: string;
  /** For the screen: "embedded, pid 12, port 5433", or where it is. */
  description: string;
  stop(): Promise<void>;
};

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;

/** The given PostgreSQL, or the embedded one, migrated. The embedded one is started again on its port when it dies. */
export async function openDatabase(folder: DataFolder, givenUrl: string | undefined, say: (sentence: string) => void): Promise<Database> {
  const database = givenUrl ? given(givenUrl) : await embedded(folder, say);
  try {
    const { applied } = await migrate(database.url);
    if (applied.length > 0) say(`Database brought up to date (${applied.length} migration${applied.length === 1 ? "" : "s"}).`);
    return database;
  } catch (error) {
    await database.stop();
    throw asRefusal(error, database.description);
  }
}

function given(url: string): Database {
  let host: string;
  try {
    const { hostname, port, pathname } = new URL(url);
    host = `${hostname}${port && `:${port}`}${pathname}`;
  } catch {
    throw new Refusal("DATABASE_URL is not a URL; it looks like postgres://user:password@host:5432/database.");
  }
  return { url, description: host, stop: async () => undefined };
}

async function embedded(folder: DataFolder, say: (sentence: string) => void): Promise<Database> {
  let server = await startOr(folder);
  let isStopping = false;
  const { port } = server;

  async function keepAlive(): Promise<void> {
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)) {
      await server.exited;
      if (isStopping) return;
      say(`PostgreSQL stopped; starting it again in ${backoffMs / 1000} s. Log: ${folder.postgres}/postgres.log`);
      await delay(backoffMs);
      if (isStopping) return;
      try {
        server = await startEmbeddedPostgres({ dataDir: folder.postgres, port });
        // Asked to stop meanwhile, `stop` has stopped the server before this one and now waits for us.
        if (isStopping) return server.stop();
      } catch (error) {
        say(`PostgreSQL does not start: ${(error as Error).message}`);
      }
    }
  }

  const keeper = keepAlive();
  return {
    url: server.url,
    description: `embedded, pid ${server.pid}, port ${port}`,
    async stop() {
      isStopping = true;
      await server.stop();
      await keeper;
    },
  };
}

async function startOr(folder: DataFolder): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres({ dataDir: folder.postgres });
  } catch (error) {
    throw asRefusal(error, folder.postgres);
  }
}

function asRefusal(error: unknown, where: string): unknown {
  if (error instanceof EmbeddedPostgresError || error instanceof MigrationError) return new Refusal(error.message, { cause: error });
  const { code, message } = error as Error & { code?: string };
  // Whatever PostgreSQL or the network says about a database that was given: address, password, rights.
  if (code !== undefined) return new Refusal(`The database ${where} cannot be used: ${message || code}.`, { cause: error });
  return error;
}
