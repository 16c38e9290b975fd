// For launchers and scripts: a server of our own, and migrations. An entry of its own, because what is bundled for the
// web app must trace neither PostgreSQL's binaries nor the migration files.

export { runningEmbeddedUrl, startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from "./embedded/start-embedded-postgres.ts";
export { identifyProcess, isSameProcess, watchProcess, type ProcessIdentity } from "./embedded/process-identity.ts";
export { EmbeddedPostgresError, type EmbeddedPostgresProblem } from "./embedded/embedded-postgres-error.ts";
export { migrate, MigrationError, type MigrationProblem } from "./migrations/migrate.ts";
export { startDatabaseProxy, type DatabaseProxy } from "./testing/database-proxy.ts";
export { writeMigration, type WrittenMigration } from "./migrations/write-migration.ts";
