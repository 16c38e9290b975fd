import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DiffTarget } from "@prisma/schema-engine-wasm";
import { LOCK_FILE, migrationNames, MIGRATIONS_DIR, SCHEMA_FILE, SCRIPT_FILE, SNAPSHOT_FILE } from "./migrations-folder.ts";
import { withSchemaEngine } from "./schema-engine.ts";

const LOCK_CONTENT = `# Written once; Prisma reads the provider from it.\nprovider = "postgresql"\n`;

export type WrittenMigration = { kind: "written"; dir: string; name: string } | { kind: "nothing_changed" };

/**
 * Writes the migration from the schema kept beside the newest migration to the present one. Needs no database.
 * `name` is made of lower-case letters, digits and "_".
 */
export async function writeMigration(
  name: string,
  options: { migrationsDir?: string; schemaFile?: string; now?: Date } = {},
): Promise<WrittenMigration> {
  if (!/^[a-z0-9_]{1,60}$/.test(name)) {
    throw new Error(`A migration's name is made of a-z, 0-9 and "_": ${JSON.stringify(name)} is not.`);
  }
  const migrationsDir = options.migrationsDir ?? MIGRATIONS_DIR;
  const schema = await readFile(options.schemaFile ?? SCHEMA_FILE, "utf8");
  const newest = (await migrationNames(migrationsDir)).at(-1);
  const from = newest ? datamodel(await readFile(join(migrationsDir, newest, SNAPSHOT_FILE), "utf8")) : EMPTY;
  const script = await diffScript(from, datamodel(schema));
  if (script === undefined) return { kind: "nothing_changed" };

  const full = `${timestamp(options.now ?? new Date())}_${name}`;
  if (newest && full <= newest) throw new Error(`The new migration would sort before ${newest}: this machine's clock is behind.`);
  const dir = join(migrationsDir, full);
  await mkdir(dir, { recursive: true });
  await writeFile(join(migrationsDir, LOCK_FILE), LOCK_CONTENT);
  await writeFile(join(dir, SNAPSHOT_FILE), schema);
  await writeFile(join(dir, SCRIPT_FILE), script);
  return { kind: "written", dir, name: full };
}

const EMPTY: DiffTarget = { tag: "empty" };

function datamodel(content: string): DiffTarget {
  return { tag: "schemaDatamodel", files: [{ path: "schema.prisma", content }] };
}

/** SQL that leads from one schema to the other; undefined when they are the same. */
async function diffScript(from: DiffTarget, to: DiffTarget): Promise<string | undefined> {
  const { exitCode, stdout } = await withSchemaEngine("no_database", (engine) =>
    engine.diff({ from, to, script: true, exitCode: true, filters: { externalTables: [], externalEnums: [] } }),
  );
  return exitCode === 0 ? undefined : (stdout ?? undefined);
}

function timestamp(now: Date): string {
  return now.toISOString().replace(/\D/g, "").slice(0, 14);
}
