import { createHash } from "node:crypto";
import { mkdir, realpath, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

/** A data folder in use by this process; `release` gives it back. It is also given back when the process dies, however it dies. */
export type FolderLock = { release(): Promise<void> };

/**
 * Takes a data folder for this process alone: two agents in one folder would destroy each other's state. Rejects with a sentence
 * for people when another process has it or it cannot be written.
 */
export async function lockDataFolder(dir: string): Promise<FolderLock> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw new Error(`the data folder ${dir} cannot be made: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const address = addressOf(await realpath(dir));
  const server = (await listen(address)) ?? ((await isAbandoned(address)) ? await rm(address, { force: true }).then(() => listen(address)) : null);
  if (server === null) throw new Error(`the data folder ${dir} is in use by another process; stop it, or choose another folder with --data-dir`);
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A socket name that only one process can hold: the system frees it when the process is gone (on macOS a file may stay, see `isAbandoned`). */
function addressOf(dir: string): string {
  const id = createHash("sha256").update(dir).digest("hex").slice(0, 24);
  if (process.platform === "linux") return `\0flotilla-${id}`;
  if (process.platform === "win32") return `\\\\.\\pipe\\flotilla-${id}`;
  return join(dir, "lock.sock");
}

function listen(address: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(null) : reject(error)));
    server.listen(address, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** A socket file that nobody listens on was left by a process that was killed. */
function isAbandoned(address: string): Promise<boolean> {
  if (process.platform === "linux" || process.platform === "win32") return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}
