import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { commandLine, identifyProcess, isSameProcess, type ProcessIdentity } from "./process-identity.ts";
import type { ServerFolder } from "./server-folder.ts";

type Owner = { starter: ProcessIdentity; supervisor: ProcessIdentity; port: number };

const ORPHAN_STOP_MS = 20_000;
const REAP_WAIT_MS = 10_000;
const POLL_MS = 50;

/** Writes down who runs the server, for the next start to find. */
export async function recordOwner(folder: ServerFolder, supervisorPid: number, port: number): Promise<void> {
  const owner: Owner = {
    starter: identifyProcess(process.pid) ?? { pid: process.pid, startedAt: null },
    supervisor: identifyProcess(supervisorPid) ?? { pid: supervisorPid, startedAt: null },
    port,
  };
  const draft = `${folder.ownerFile}.new-${process.pid}`;
  await writeFile(draft, JSON.stringify(owner), { mode: 0o600 });
  await rename(draft, folder.ownerFile);
}

/** The port of the last run, so that URLs stay good over a restart. */
export async function lastPort(folder: ServerFolder): Promise<number | undefined> {
  return (await readOwner(folder))?.port;
}

/** The port of the server, when it runs. */
export async function portIfRunning(folder: ServerFolder): Promise<number | undefined> {
  const owner = await readOwner(folder);
  return owner && isSameProcess(owner.supervisor) ? owner.port : undefined;
}

async function readOwner(folder: ServerFolder): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(folder.ownerFile, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

/**
 * Makes sure that no server runs in the folder: refuses when its starter is alive, ends it when it was left behind,
 * and removes a postmaster.pid whose number now belongs to some other program.
 */
export async function clearOrphan(folder: ServerFolder): Promise<void> {
  const owner = await readOwner(folder);
  if (owner && isSameProcess(owner.starter) && isSameProcess(owner.supervisor)) {
    throw new EmbeddedPostgresError("in_use", `The database in ${folder.dir} is in use by process ${owner.starter.pid}.`);
  }
  const pidFile = join(folder.pgdata, "postmaster.pid");
  const pid = Number((await readFile(pidFile, "utf8").catch(() => "")).split("\n")[0]);
  const postmaster = pid ? identifyProcess(pid) : undefined;
  if (!postmaster) return untilReaped(pid);
  const command = commandLine(pid);
  if (command !== undefined && !command.includes(folder.pgdata)) {
    await rm(pidFile, { force: true });
    return;
  }
  await endPostmaster(postmaster, folder);
}

/**
 * After a kill of the whole tree the postmaster may stay a zombie until somebody reaps it, and the next one would take it for alive.
 * Its pid file stays: PostgreSQL itself reads in it whether backends are left.
 */
async function untilReaped(pid: number): Promise<void> {
  const waitUntilMs = performance.now() + REAP_WAIT_MS;
  while (pid && hasEntry(pid) && identifyProcess(pid) === undefined && performance.now() < waitUntilMs) await delay(POLL_MS);
}

function hasEntry(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function endPostmaster(postmaster: ProcessIdentity, folder: ServerFolder): Promise<void> {
  const waitUntilMs = performance.now() + ORPHAN_STOP_MS;
  try {
    process.kill(postmaster.pid, "SIGINT");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPERM") {
      throw new EmbeddedPostgresError("in_use", `The database in ${folder.dir} is in use by another user's process ${postmaster.pid}.`);
    }
  }
  while (isSameProcess(postmaster)) {
    if (performance.now() > waitUntilMs) {
      throw new EmbeddedPostgresError("in_use", `PostgreSQL process ${postmaster.pid} in ${folder.dir} was left behind and does not stop.`);
    }
    await delay(POLL_MS);
  }
}
