import { join, resolve } from "node:path";
import { EmbeddedPostgresError, migrate, startEmbeddedPostgres } from "@flotilla/db/setup";

// Brings DATABASE_URL to the newest schema; without it, the embedded database of --data-dir (default .flotilla).
const given = process.env["DATABASE_URL"] || undefined;
const at = process.argv.indexOf("--data-dir");
const dataDir = resolve((at > 0 && process.argv[at + 1]) || ".flotilla");
try {
  const server = given ? undefined : await startEmbeddedPostgres({ dataDir: join(dataDir, "postgres") });
  try {
    const { applied } = await migrate(given ?? server?.url ?? "");
    console.log(applied.length === 0 ? "Nothing to apply." : `Applied ${applied.join(", ")}.`);
  } finally {
    await server?.stop();
  }
} catch (error) {
  const hint = error instanceof EmbeddedPostgresError && error.problem === "in_use" ? " A running platform migrates by itself when it starts." : "";
  console.error(`${(error as Error).message}${hint}`);
  process.exit(1);
}
