import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identifyProcess, isSameProcess, type ProcessIdentity } from "@flotilla/db/setup";
import { Refusal } from "./refusal.ts";

// What the pages are made of. A change in any of these files means a new build, nothing else does.
const SOURCES = ["apps/web", "packages/protocol/src", "packages/fleet/src", "packages/db/src", "prisma/schema.prisma", "package-lock.json", "tsconfig.base.json"];
const IGNORED = new Set([".next", "node_modules", "generated", "e2e", "test-results", "next-env.d.ts", "tsconfig.tsbuildinfo"]);
const LOCK_POLL_MS = 200;

/** Builds the web app unless the build that is there was made from these very sources. */
export async function ensureWebBuild(root: string, logFile: string, say: (sentence: string) => void): Promise<void> {
  const stamp = join(root, "apps/web/.next/built-from");
  const wanted = sourcesHash(root);
  if (readText(stamp) === wanted) return;
  const unlock = await lock(join(root, "node_modules/.flotilla-web-build.lock"));
  try {
    if (readText(stamp) === wanted) return;
    say("Building the web app (after each change of its sources; a minute or so) …");
    rmSync(stamp, { force: true });
    await build(root, logFile);
    writeFileSync(stamp, wanted);
  } finally {
    unlock();
  }
}

/** One hash over names and contents of all sources; tests do not count. */
export function sourcesHash(root: string): string {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap((source) => filesBelow(join(root, source)))) {
    hash.update(relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

function filesBelow(path: string): string[] {
  if (!existsSync(path)) return [];
  const entries = tryReadFolder(path);
  if (entries === undefined) return [path];
  return entries
    .filter((entry) => !IGNORED.has(entry.name) && !/\.test\.tsx?$/.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)]));
}

function tryReadFolder(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}

async function build(root: string, logFile: string): Promise<void> {
  const log = openSync(logFile, "w", 0o600);
  const child = spawn(process.execPath, ["node_modules/next/dist/bin/next", "build", "apps/web"], {
    cwd: root,
    env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", log, log],
  });
  const stopBuild = (): void => void child.kill("SIGTERM");
  process.once("exit", stopBuild);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
  process.off("exit", stopBuild);
  if (code !== 0) {
    const tail = (readText(logFile) ?? "").trim().split("\n").slice(-30).join("\n");
    throw new Refusal(`The web app could not be built (log: ${logFile}).\n${tail}`);
  }
}

/** Two launchers of one checkout must not build into the same folder. A dead builder's lock is taken over. */
async function lock(file: string): Promise<() => void> {
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(identifyProcess(process.pid)), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw new Refusal(`The web app must be built, but this folder cannot be written: ${(error as Error).message}`);
    }
    const holder = readHolder(file);
    if (holder && !isSameProcess(holder)) rmSync(file, { force: true });
    await delay(LOCK_POLL_MS);
  }
}

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readText(file) ?? "") as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
