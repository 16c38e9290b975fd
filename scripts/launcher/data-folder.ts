import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identifyProcess, isSameProcess, type ProcessIdentity } from "@flotilla/db/setup";
import { Refusal } from "./refusal.ts";

/** Where one platform keeps everything. */
export type DataFolder = {
  dir: string;
  logs: string;
  postgres: string;
  artifacts: string;
  devices: string;
  secretsFile: string;
  credentialsFile: string;
  /** Notes the URL for the next `npm start` in the same folder. */
  announce(url: string): void;
  release(): void;
};

/** Made once, kept for the life of the folder. The last two follow at the first start. */
export type Secrets = {
  authSecret: string;
  uploadTicketSecret: string;
  deviceTokenSecret: string;
  adminEmail: string;
  adminPassword: string;
  apiKey?: string;
  demoToken?: { token: string; id: string; devices: number };
};

type Holder = { process: ProcessIdentity; url?: string };

/** Makes the folder and claims it. Throws Refusal when it cannot be written or another platform runs in it. */
export function openDataFolder(dir: string): DataFolder {
  const lockFile = join(dir, "launcher.json");
  try {
    // Others may pass through (PostgreSQL steps down from root), but not look around.
    mkdirSync(dir, { recursive: true, mode: 0o711 });
    for (const name of ["logs", "devices"]) mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
    claim(lockFile, dir);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`The data folder ${dir} cannot be written: ${(error as Error).message}. Choose another one with --data-dir.`, { cause: error });
  }
  return {
    dir,
    logs: join(dir, "logs"),
    postgres: join(dir, "postgres"),
    artifacts: join(dir, "artifacts"),
    devices: join(dir, "devices"),
    secretsFile: join(dir, "secrets.json"),
    credentialsFile: join(dir, "credentials.json"),
    announce: (url) => writePrivate(lockFile, { process: thisProcess(), url } satisfies Holder),
    release: () => rmSync(lockFile, { force: true }),
  };
}

/** Two starts at the same moment both try to create the file; one of them can. */
function claim(lockFile: string, dir: string): void {
  const holder: Holder = { process: thisProcess() };
  try {
    writeFileSync(lockFile, JSON.stringify(holder), { flag: "wx", mode: 0o600 });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const found = readJson<Holder>(lockFile);
  if (found?.process && isSameProcess(found.process)) {
    const where = found.url ? ` at ${found.url}` : "";
    throw new Refusal(`Flotilla is running already in ${dir}${where} (process ${found.process.pid}). Stop it first, or start another one with --data-dir.`);
  }
  rmSync(lockFile, { force: true });
  claim(lockFile, dir);
}

/** Reads the secrets, or makes them. */
export function readSecrets(folder: DataFolder): Secrets {
  const found = readJson<Secrets>(folder.secretsFile);
  if (found) return found;
  const made: Secrets = {
    authSecret: randomSecret(),
    uploadTicketSecret: randomSecret(),
    deviceTokenSecret: randomSecret(),
    adminEmail: "admin@flotilla.local",
    adminPassword: randomSecret(),
  };
  writePrivate(folder.secretsFile, made);
  return made;
}

/** Replaces a file in one step, readable by its owner only. */
export function writePrivate(file: string, value: unknown): void {
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

function thisProcess(): ProcessIdentity {
  return identifyProcess(process.pid) ?? { pid: process.pid, startedAt: null };
}

const randomSecret = (): string => randomBytes(32).toString("base64url");

function readJson<T>(file: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    // An interrupted write of the lock. Secrets are written in one step, so they cannot be cut.
    return undefined;
  }
}
