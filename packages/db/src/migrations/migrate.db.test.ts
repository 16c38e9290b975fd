import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { testDb, type TestDb } from "../index.ts";
import { migrate, MigrationError, writeMigration } from "../setup.ts";
import { MIGRATIONS_DIR, migrationNames, SCHEMA_FILE } from "./migrations-folder.ts";

const NOW = new Date("2099-01-01T00:00:00Z");
let migrationsDir: string;
let schemaFile: string;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "flotilla-migrations-"));
  migrationsDir = join(folder, "migrations");
  schemaFile = join(folder, "schema.prisma");
  await cp(MIGRATIONS_DIR, migrationsDir, { recursive: true });
  await cp(SCHEMA_FILE, schemaFile);
  return () => rm(folder, { recursive: true, force: true });
});

async function migratedDb(): Promise<TestDb> {
  const suite = await testDb();
  onTestFinished(() => suite.drop());
  return suite;
}

async function emptyDb(): Promise<TestDb> {
  const suite = await migratedDb();
  await suite.db.pool.query("drop schema public cascade; drop schema pgboss cascade; create schema public");
  return suite;
}

async function addColumn(name: string): Promise<void> {
  const schema = await readFile(schemaFile, "utf8");
  await writeFile(schemaFile, schema.replace(/model Fleet \{\n/, (head) => `${head}  ${name} Int @default(5)\n`));
}

const history = async ({ db }: TestDb) =>
  (
    await db.pool.query<{ name: string; checksum: string; finished: boolean; steps: number }>(
      `select migration_name as name, checksum, finished_at is not null as finished, applied_steps_count as steps from _prisma_migrations order by started_at`,
    )
  ).rows;

test("an empty database gets every migration, recorded as Prisma records them", async () => {
  const suite = await emptyDb();
  const names = await migrationNames(migrationsDir);
  expect(await migrate(suite.url, { migrationsDir })).toEqual({ applied: names });
  const expected = await Promise.all(
    names.map(async (name) => ({
      name,
      checksum: createHash("sha256").update(await readFile(join(migrationsDir, name, "migration.sql"))).digest("hex"),
      finished: true,
      steps: 1,
    })),
  );
  expect(await history(suite)).toEqual(expected);
  const { rows } = await suite.db.pool.query("select name from version_counter order by name");
  expect(rows).toEqual([{ name: "fleet" }, { name: "registry" }, { name: "target" }]);
});

test("rows that change with every sync keep free room in their pages", async () => {
  const suite = await migratedDb();
  const { rows } = await suite.db.pool.query(
    "select relname, reloptions from pg_class where relname in ('device_live', 'telemetry_watermark') order by relname",
  );
  expect(rows).toEqual([
    { relname: "device_live", reloptions: ["fillfactor=70"] },
    { relname: "telemetry_watermark", reloptions: ["fillfactor=70"] },
  ]);
});

test("the newest migration leads to the schema in the repository", async () => {
  expect(await writeMigration("nothing", { migrationsDir, schemaFile, now: NOW })).toEqual({ kind: "nothing_changed" });
});

test("a second migration is written from the schema beside the first, applied once, and keeps the rows", async () => {
  const suite = await migratedDb();
  await suite.db.prisma.fleet.create({ data: { id: "flt_1", name: "all", query: "", createdById: "usr_1" } });
  await addColumn("extra");
  const written = await writeMigration("add_extra", { migrationsDir, schemaFile, now: NOW });
  expect(written).toMatchObject({ kind: "written", name: "20990101000000_add_extra" });
  expect(await writeMigration("again", { migrationsDir, schemaFile, now: NOW })).toEqual({ kind: "nothing_changed" });
  expect(await migrate(suite.url, { migrationsDir })).toEqual({ applied: ["20990101000000_add_extra"] });
  expect(await migrate(suite.url, { migrationsDir })).toEqual({ applied: [] });
  const { rows } = await suite.db.pool.query("select name, extra from fleet");
  expect(rows).toEqual([{ name: "all", extra: 5 }]);
});

test("several processes may migrate at the same time", async () => {
  const suite = await emptyDb();
  const results = await Promise.all([1, 2, 3].map(() => migrate(suite.url, { migrationsDir })));
  expect(results.flatMap((result) => result.applied)).toEqual(await migrationNames(migrationsDir));
});

test("a failing script leaves nothing of itself behind, says why, and blocks later runs until somebody looked", async () => {
  const suite = await migratedDb();
  await addColumn("extra");
  await writeMigration("broken", { migrationsDir, schemaFile, now: NOW });
  const script = join(migrationsDir, "20990101000000_broken/migration.sql");
  await writeFile(script, `create table half_done (id int); -- a ; in a comment\nselect * from "no_such_table";\n`);

  const failure = await migrate(suite.url, { migrationsDir }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(MigrationError);
  expect(failure).toMatchObject({ problem: "failed_now", migrations: ["20990101000000_broken"] });
  expect((failure as Error).message).toContain('relation "no_such_table" does not exist');
  expect((await suite.db.pool.query("select to_regclass('half_done') as found")).rows).toEqual([{ found: null }]);
  expect((await history(suite)).at(-1)).toMatchObject({ name: "20990101000000_broken", finished: false });

  await expect(migrate(suite.url, { migrationsDir })).rejects.toMatchObject({ problem: "failed_before", migrations: ["20990101000000_broken"] });
});

test("a function body with semicolons arrives whole", async () => {
  const suite = await migratedDb();
  await addColumn("extra");
  await writeMigration("with_function", { migrationsDir, schemaFile, now: NOW });
  await writeFile(
    join(migrationsDir, "20990101000000_with_function/migration.sql"),
    "create function twice(n int) returns int language plpgsql as $$ begin n := n + n; return n; end; $$;",
  );
  await migrate(suite.url, { migrationsDir });
  expect((await suite.db.pool.query("select twice(4) as n")).rows).toEqual([{ n: 8 }]);
});

test("a script that was changed after it had been applied is reported, not ignored", async () => {
  const suite = await migratedDb();
  const [first] = await migrationNames(migrationsDir);
  const script = join(migrationsDir, first ?? "", "migration.sql");
  await writeFile(script, `${await readFile(script, "utf8")}\n-- changed\n`);
  await expect(migrate(suite.url, { migrationsDir })).rejects.toMatchObject({ problem: "edited_after_applied", migrations: [first] });
});

test("a database that went another way is reported", async () => {
  const suite = await migratedDb();
  await suite.db.pool.query(
    `insert into _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) values ('x', 'c', '20980101000000_elsewhere', now(), 1)`,
  );
  await addColumn("extra");
  await writeMigration("here", { migrationsDir, schemaFile, now: NOW });
  await expect(migrate(suite.url, { migrationsDir })).rejects.toMatchObject({ problem: "diverged", migrations: ["20980101000000_elsewhere"] });
});
