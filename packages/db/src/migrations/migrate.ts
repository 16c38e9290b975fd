import pg from "pg";
import { clientConfig, connect } from "../connect.ts";
import { ensureQueue } from "../queue.ts";
import { MIGRATIONS_DIR, readMigrations } from "./migrations-folder.ts";
import { withSchemaEngine } from "./schema-engine.ts";

export type MigrationProblem =
  /** An earlier run stopped in the middle of a script; somebody must look at the database. */
  | "failed_before"
  /** The script ended with an error, now. */
  | "failed_now"
  /** A script was changed after it had been applied. */
  | "edited_after_applied"
  /** The database went another way than the folder. */
  | "diverged";

/** Thrown by `migrate`; the message says which migration and what the database answered. */
export class MigrationError extends Error {
  readonly problem: MigrationProblem;
  readonly migrations: readonly string[];

  constructor(problem: MigrationProblem, migrations: readonly string[], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MigrationError";
    this.problem = problem;
    this.migrations = migrations;
  }
}

/**
 * Brings the database to the newest schema and creates the queue's tables. Applied migrations are recorded in
 * `_prisma_migrations` exactly as `prisma migrate deploy` does. Several processes may call it at the same time.
 */
export async function migrate(url: string, options: { migrationsDir?: string } = {}): Promise<{ applied: string[] }> {
  const applied = await applyMigrations(url, options.migrationsDir ?? MIGRATIONS_DIR);
  const db = connect(url, { applicationName: "flotilla migrate", poolSize: 2 });
  try {
    await ensureQueue(db);
  } finally {
    await db.close();
  }
  return { applied };
}

async function applyMigrations(url: string, migrationsDir: string): Promise<string[]> {
  const migrationsList = await readMigrations(migrationsDir);
  const filters = { externalTables: [], externalEnums: [] };
  // One connection: the engine's advisory lock belongs to a session.
  const pool = new pg.Pool({ ...clientConfig(url, "flotilla migrate"), max: 1 });
  pool.on("error", () => undefined);
  const unlock = await lockOut(url);
  try {
    return await withSchemaEngine(pool, async (engine) => {
      const state = await engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters });
      refuseBadHistory(state);
      try {
        return (await engine.applyMigrations({ migrationsList, filters })).appliedMigrationNames;
      } catch (error) {
        throw await explainFailure(pool, error);
      }
    });
  } finally {
    await unlock();
    await pool.end();
  }
}

function refuseBadHistory(state: {
  failedMigrationNames: string[];
  editedMigrationNames: string[];
  history: { diagnostic: string; unpersistedMigrationNames?: string[] } | null;
}): void {
  if (state.failedMigrationNames.length > 0) {
    const names = state.failedMigrationNames;
    throw new MigrationError(
      "failed_before",
      names,
      `Migration ${names.join(", ")} failed in an earlier run; column "logs" of its row in _prisma_migrations says why. ` +
        `Repair the database, then delete that row (to run it again) or set its finished_at (if all of it is in place).`,
    );
  }
  if (state.editedMigrationNames.length > 0) {
    const names = state.editedMigrationNames;
    throw new MigrationError(
      "edited_after_applied",
      names,
      `Migration ${names.join(", ")} was changed after it had been applied to this database. Restore the script and write a new migration.`,
    );
  }
  if (state.history?.diagnostic === "historiesDiverge") {
    const names = state.history.unpersistedMigrationNames ?? [];
    throw new MigrationError("diverged", names, `The database has migrations that this version does not know: ${names.join(", ")}.`);
  }
}

/** The engine's error names neither table nor cause reliably; the row it has just written does. */
async function explainFailure(pool: pg.Pool, error: unknown): Promise<MigrationError> {
  const { rows } = await pool.query<{ migration_name: string; logs: string | null }>(
    `select migration_name, logs from _prisma_migrations where finished_at is null and rolled_back_at is null order by started_at desc limit 1`,
  );
  const row = rows[0];
  // After the reason the engine lists its own call stack, as "   0: …".
  const reason = (row?.logs ?? (error instanceof Error ? error.message : String(error))).split(/\n\s+0: /)[0]?.trim();
  return new MigrationError("failed_now", row ? [row.migration_name] : [], `Migration ${row?.migration_name ?? ""} failed: ${reason}`, { cause: error });
}

/** One migrator at a time, over the whole of look, decide and apply; others wait. */
async function lockOut(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client(clientConfig(url, "flotilla migrate lock"));
  client.on("error", () => undefined);
  await client.connect();
  await client.query("select pg_advisory_lock(hashtextextended('flotilla.migrate', 0))");
  return () => client.end();
}
