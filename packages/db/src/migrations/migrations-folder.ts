import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { MigrationDirectory, MigrationList } from "@prisma/schema-engine-wasm";

/** Where this repository keeps its migrations and the schema they lead to. */
export const MIGRATIONS_DIR = join(import.meta.dirname, "../../../../prisma/migrations");
export const SCHEMA_FILE = join(import.meta.dirname, "../../../../prisma/schema.prisma");

export const LOCK_FILE = "migration_lock.toml";
export const SCRIPT_FILE = "migration.sql";
/** The schema that a migration leads to, kept beside it: the next one is written without asking any database. */
export const SNAPSHOT_FILE = "schema.prisma";

/** Names of the migrations in the folder, oldest first; empty when the folder does not exist. */
export async function migrationNames(migrationsDir: string): Promise<string[]> {
  const entries = await readdir(migrationsDir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** The folder in the form the schema engine takes. */
export async function readMigrations(migrationsDir: string): Promise<MigrationList> {
  const names = await migrationNames(migrationsDir);
  const migrationDirectories = await Promise.all(names.map((name) => readMigration(migrationsDir, name)));
  const lock = await readFile(join(migrationsDir, LOCK_FILE), "utf8").catch(() => null);
  return { baseDir: migrationsDir, lockfile: { path: LOCK_FILE, content: lock }, shadowDbInitScript: "", migrationDirectories };
}

async function readMigration(migrationsDir: string, name: string): Promise<MigrationDirectory> {
  const script = await readFile(join(migrationsDir, name, SCRIPT_FILE), "utf8");
  return { path: name, migrationFile: { path: SCRIPT_FILE, content: { tag: "ok", value: script } } };
}
