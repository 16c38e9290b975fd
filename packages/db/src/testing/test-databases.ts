import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { connect, type Db } from "../connect.ts";

// Names on the test server. Several runs may share one server, so each run has a key of its own.
const TEMPLATE_PREFIX = "flotilla_template_";
const CLONE_PREFIX = "flotilla_test_";

/** Set by the global setup for the processes that run the tests: admin URL and key of this run. */
export const TEST_SERVER_VARIABLE = "FLOTILLA_TEST_SERVER";
export type TestServer = { adminUrl: string; runKey: string };

const LEAK_GRACE_MS = 3_000;
const LEAK_POLL_MS = 20;

export type TestDb = { db: Db; url: string; drop(): Promise<void> };

export function templateName(runKey: string): string {
  return `${TEMPLATE_PREFIX}${runKey}`;
}

export function clonePrefix(runKey: string): string {
  return `${CLONE_PREFIX}${runKey}_`;
}

export function urlWithDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/**
 * A migrated, empty database of the caller's own. `drop` closes `db`, and throws when other connections to it are
 * still open: some pool, listener or consumer of the suite was not closed.
 */
export async function testDb(): Promise<TestDb> {
  const { adminUrl, runKey } = testServer();
  const name = `${clonePrefix(runKey)}${randomBytes(6).toString("hex")}`;
  await withAdmin(adminUrl, (admin) => admin.query(`create database ${name} template ${templateName(runKey)}`));
  const url = urlWithDatabase(adminUrl, name);
  const db = connect(url, { applicationName: "flotilla test" });
  return {
    db,
    url,
    async drop() {
      await db.close();
      await withAdmin(adminUrl, async (admin) => {
        const leaked = await openConnections(admin, name);
        await admin.query(`drop database if exists ${name} with (force)`);
        if (leaked.length > 0) {
          throw new Error(`The suite left ${leaked.length} connection(s) to its test database open: ${leaked.join(", ")}`);
        }
      });
    },
  };
}

function testServer(): TestServer {
  const text = process.env[TEST_SERVER_VARIABLE];
  if (!text) throw new Error('testDb() needs the global setup packages/db/src/testing/global-setup.ts: run it in the project "db" or "system".');
  return JSON.parse(text) as TestServer;
}

/** Who is still connected after a short grace (a closed socket takes a moment to be noticed). */
async function openConnections(admin: pg.Client, database: string): Promise<string[]> {
  const giveUpAtMs = performance.now() + LEAK_GRACE_MS;
  for (;;) {
    const { rows } = await admin.query<{ application_name: string; query: string }>(
      "select application_name, left(query, 80) as query from pg_stat_activity where datname = $1",
      [database],
    );
    if (rows.length === 0 || performance.now() > giveUpAtMs) return rows.map((row) => `${row.application_name} (${row.query})`);
    await delay(LEAK_POLL_MS);
  }
}

/** One short connection to the server's own database. */
export async function withAdmin<T>(adminUrl: string, fn: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: adminUrl });
  admin.on("error", () => undefined);
  await admin.connect();
  try {
    return await fn(admin);
  } finally {
    await admin.end();
  }
}
