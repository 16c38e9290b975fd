import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import type { RunAs } from "./run-as.ts";
import { SERVER_ENV } from "./server-env.ts";

/** What lies in the folder given to `startEmbeddedPostgres`. */
export type ServerFolder = {
  readonly dir: string;
  readonly pgdata: string;
  readonly logFile: string;
  readonly passwordFile: string;
  /** Who runs the server and where; see owner.ts. */
  readonly ownerFile: string;
};

export const SUPERUSER = "flotilla";
const MAX_LOG_BYTES = 5 * 1024 * 1024;

/** Makes the folder (mode 0700). Throws EmbeddedPostgresError("bad_folder") when it cannot be written. */
export async function openServerFolder(dir: string): Promise<ServerFolder> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const probe = join(dir, `.write-probe-${process.pid}`);
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    throw new EmbeddedPostgresError("bad_folder", `Cannot write into ${dir}: ${(error as Error).message}`, { cause: error });
  }
  return serverFolder(dir);
}

/** The names in the folder, whether it exists or not. */
export function serverFolder(dir: string): ServerFolder {
  return {
    dir,
    pgdata: join(dir, "pgdata"),
    logFile: join(dir, "postgres.log"),
    passwordFile: join(dir, "password"),
    ownerFile: join(dir, "owner.json"),
  };
}

/** Creates the database cluster unless it exists. An interrupted creation leaves nothing behind that counts. */
export async function ensureCluster(folder: ServerFolder, binaries: PostgresBinaries, runAs: RunAs): Promise<void> {
  const found = await readFile(join(folder.pgdata, "PG_VERSION"), "utf8").catch(() => undefined);
  if (found === undefined) return createCluster(folder, binaries, runAs);
  if (found.trim() !== binaries.majorVersion) {
    throw new EmbeddedPostgresError(
      "other_version",
      `The database in ${folder.pgdata} was made by PostgreSQL ${found.trim()}; this is PostgreSQL ${binaries.majorVersion}. ` +
        `Move its contents over with that version's pg_dump, or choose an empty folder with --data-dir.`,
    );
  }
  if (!existsSync(folder.passwordFile)) {
    throw new EmbeddedPostgresError("bad_folder", `The password of the database in ${folder.pgdata} is missing: ${folder.passwordFile}`);
  }
}

async function createCluster(folder: ServerFolder, binaries: PostgresBinaries, runAs: RunAs): Promise<void> {
  if (existsSync(folder.pgdata)) {
    throw new EmbeddedPostgresError("bad_folder", `${folder.pgdata} exists, but holds no PostgreSQL database.`);
  }
  const fresh = `${folder.pgdata}.new-${process.pid}`;
  const passwordFile = `${fresh}.password`;
  const password = randomBytes(24).toString("base64url");
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (runAs.kind !== "same") {
    await chown(fresh, runAs.owner.uid, runAs.owner.gid);
    await chown(passwordFile, runAs.owner.uid, runAs.owner.gid);
  }
  await runInitdb(binaries, runAs, fresh, passwordFile);
  await rename(passwordFile, folder.passwordFile);
  await chmod(folder.passwordFile, 0o600);
  await rename(fresh, folder.pgdata);
}

async function runInitdb(binaries: PostgresBinaries, runAs: RunAs, pgdata: string, passwordFile: string): Promise<void> {
  // The built-in locale is the same on every machine and changes with no system update: no index goes stale.
  const { command, args, uid, gid } = runAs.wrap(binaries.initdb, [
    `--pgdata=${pgdata}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
  ]);
  try {
    await promisify(execFile)(command, args, {
      cwd: "/",
      env: SERVER_ENV,
      ...(uid !== undefined && gid !== undefined && { uid, gid }),
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new EmbeddedPostgresError("did_not_start", `initdb failed: ${stderr?.trim() || message}`, { cause: error });
  }
}

/** Keeps one older log, so that the folder does not grow for ever. */
export async function rotateLog(folder: ServerFolder): Promise<void> {
  const found = await stat(folder.logFile).catch(() => undefined);
  if (found && found.size > MAX_LOG_BYTES) await rename(folder.logFile, `${folder.logFile}.1`);
}
