import { join } from "node:path";
import { connect, type Db } from "@flotilla/db";
import { migrate, startEmbeddedPostgres, type EmbeddedPostgres } from "@flotilla/db/setup";
import { killTree } from "./process-tree.ts";

const TEMPLATE = "fault_template";

/** The product's own embedded PostgreSQL, with full durability, that can be killed as a whole and started again on its port. */
export type FaultServer = {
  /** A migrated, empty database. The caller closes `db`. */
  fresh(name: string): Promise<{ db: Db; url: string }>;
  /** kill -9 of the postmaster and every process it has, at one moment. Answers how many processes that were. */
  killTree(): Promise<number>;
  /** Starts the killed server again; resolves when it takes connections. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

export async function openFaultServer(dir: string): Promise<FaultServer> {
  const dataDir = join(dir, "server");
  let server: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir });
  const port = server.port;
  await assertDurable(server.url);
  await execute(server.url, `create database ${TEMPLATE}`);
  await migrate(urlOf(server.url, TEMPLATE));
  return {
    async fresh(name) {
      await execute(server.url, `create database ${name} template ${TEMPLATE}`);
      const url = urlOf(server.url, name);
      return { db: connect(url, { applicationName: "fault harness" }), url };
    },
    async killTree() {
      const killed = killTree(server.pid);
      await server.exited;
      return killed;
    },
    async restart() {
      server = await startEmbeddedPostgres({ dataDir, port });
    },
    stop: () => server.stop(),
  };
}

async function assertDurable(url: string): Promise<void> {
  const db = connect(url);
  try {
    for (const name of ["fsync", "full_page_writes", "synchronous_commit"]) {
      const { rows } = await db.pool.query<{ setting: string }>("select setting from pg_settings where name = $1", [name]);
      if (rows[0]?.setting !== "on") throw new Error(`${name} is ${rows[0]?.setting}: a kill would prove nothing`);
    }
  } finally {
    await db.close();
  }
}

async function execute(url: string, text: string): Promise<void> {
  const db = connect(url);
  try {
    await db.pool.query(text);
  } finally {
    await db.close();
  }
}

function urlOf(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
