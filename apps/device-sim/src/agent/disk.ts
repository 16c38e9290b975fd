import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, link, mkdir, open, readFile, readdir, rename, rm, stat, statfs, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DeviceFailureCode } from "@flotilla/protocol";

/**
 * The steps that all disk work of the agent is made of, with absolute paths. A test puts another implementation here to lose
 * what was not synced, or to fail at the k-th step. A step does what its name says and no more: what is made durable, and in which order,
 * is decided in `createDisk` and by its users.
 */
export type FsSteps = {
  /** With all folders above it; nothing when it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Creates or overwrites. */
  writeFile(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  /** Adds at the end, creating the file. */
  appendFile(path: string, bytes: Uint8Array): Promise<void>;
  openAppend(path: string): Promise<AppendHandle>;
  syncFile(path: string): Promise<void>;
  truncate(path: string, sizeBytes: number): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for the same bytes; a copy where the file system has no links. */
  link(from: string, to: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  removeTree(path: string): Promise<void>;
  readFile(path: string): Promise<Uint8Array>;
  readChunks(path: string): AsyncIterable<Uint8Array>;
  list(path: string): Promise<string[]>;
  sizeOf(path: string): Promise<number>;
  freeBytes(path: string): Promise<number>;
};

/** A file being written piece by piece. */
export type AppendHandle = {
  write(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
};

/**
 * The agent's data folder. Names are relative, built from fixed words, ids and digests, never from what a server or a person called
 * something. Missing files read as null; every other failure throws with the system's `code`.
 */
export type Disk = {
  /** For the inference runtime, which opens files itself. */
  absolute(name: string): string;
  /** Durable when it resolves. */
  makeDirectory(name: string): Promise<void>;
  read(name: string): Promise<Uint8Array | null>;
  /** All or nothing, also across a power cut: temporary file, sync, rename, sync of the folder. */
  writeAtomic(name: string, bytes: Uint8Array | string, mode?: number): Promise<void>;
  /** The bytes are durable when it resolves; a file that is new needs its folder synced as well. */
  append(name: string, bytes: Uint8Array | string): Promise<void>;
  openAppend(name: string): Promise<AppendHandle>;
  truncate(name: string, sizeBytes: number): Promise<void>;
  /** Moves a finished file to its place: sync of the file (an earlier process may have written it and died), rename, sync of the folder. */
  publish(from: string, to: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  syncFile(name: string): Promise<void>;
  syncDirectory(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  removeTree(name: string): Promise<void>;
  /** Names in a folder, sorted; none when it does not exist. */
  list(name: string): Promise<string[]>;
  sizeOf(name: string): Promise<number | null>;
  /** SHA-256 and size of the bytes as they are read back from the disk now. */
  digest(name: string): Promise<{ sha256: string; sizeBytes: number } | null>;
  freeBytes(): Promise<number>;
};

/** The data folder at `root` (created when first written to). */
export function createDisk(root: string, steps: FsSteps = nodeFsSteps): Disk {
  const at = (name: string): string => join(root, name);
  /** Folders whose entries in the folders above are durable. */
  const durable = new Set<string>();
  return {
    absolute: at,
    async makeDirectory(name) {
      if (durable.has(name)) return;
      await steps.makeDirectory(at(name));
      if (name === ".") return;
      for (let above = dirname(name); ; above = dirname(above)) {
        await steps.syncDirectory(at(above));
        if (above === ".") break;
      }
      durable.add(name);
    },
    read: (name) => missingAsNull(steps.readFile(at(name))),
    async writeAtomic(name, bytes, mode = 0o644) {
      const path = at(name);
      const temporary = `${path}.tmp`;
      await steps.writeFile(temporary, asBytes(bytes), mode);
      await steps.syncFile(temporary);
      await steps.rename(temporary, path);
      await steps.syncDirectory(dirname(path));
    },
    async append(name, bytes) {
      await steps.appendFile(at(name), asBytes(bytes));
      await steps.syncFile(at(name));
    },
    openAppend: (name) => steps.openAppend(at(name)),
    truncate: (name, sizeBytes) => steps.truncate(at(name), sizeBytes),
    async publish(from, to) {
      await steps.syncFile(at(from));
      await steps.rename(at(from), at(to));
      await steps.syncDirectory(dirname(at(to)));
    },
    link: (from, to) => steps.link(at(from), at(to)),
    syncFile: (name) => steps.syncFile(at(name)),
    syncDirectory: (name) => steps.syncDirectory(at(name)),
    remove: async (name) => void (await missingAsNull(steps.removeFile(at(name)))),
    async removeTree(name) {
      for (const folder of durable) if (folder === name || folder.startsWith(`${name}/`)) durable.delete(folder);
      await steps.removeTree(at(name));
    },
    list: async (name) => ((await missingAsNull(steps.list(at(name)))) ?? []).toSorted(),
    sizeOf: (name) => missingAsNull(steps.sizeOf(at(name))),
    digest: (name) => missingAsNull(digestOf(steps.readChunks(at(name)))),
    freeBytes: () => steps.freeBytes(root),
  };
}

/** Which failure a device reports for an error of the disk. */
export function diskFailureCode(error: unknown): Extract<DeviceFailureCode, "disk_full" | "io"> {
  const code = errnoOf(error);
  return code === "ENOSPC" || code === "EDQUOT" ? "disk_full" : "io";
}

/** True for errors that the operating system gave for a file operation. */
export function isDiskError(error: unknown): boolean {
  return DISK_ERRORS.has(errnoOf(error) ?? "");
}

const DISK_ERRORS = new Set(["ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EPERM", "EMFILE", "ENFILE", "ENOENT", "EISDIR", "ENOTDIR", "EBUSY", "EEXIST", "ENOTEMPTY", "EFBIG"]);

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

async function missingAsNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}

async function digestOf(chunks: AsyncIterable<Uint8Array>): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest("hex"), sizeBytes };
}

function asBytes(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
}

/** Hashing reads in pieces of this size: larger ones are not quicker, smaller ones cost system calls. */
const READ_BYTES = 256 * 1024;

/** The real file system. */
export const nodeFsSteps: FsSteps = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  async writeFile(path, bytes, mode) {
    const file = await open(path, "w", mode);
    try {
      await file.chmod(mode);
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  },
  async appendFile(path, bytes) {
    const file = await open(path, "a", 0o644);
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  },
  async openAppend(path) {
    const file = await open(path, "a", 0o644);
    return {
      async write(bytes) {
        await file.writeFile(bytes);
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  async syncFile(path) {
    const file = await open(path, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  },
  truncate: (path, sizeBytes) => truncate(path, sizeBytes),
  async syncDirectory(path) {
    if (process.platform === "win32") return; // folders cannot be opened there; NTFS journals renames itself
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  rename: (from, to) => rename(from, to),
  async link(from, to) {
    try {
      await link(from, to);
    } catch (error) {
      if (!["EPERM", "EXDEV", "ENOTSUP", "EMLINK"].includes(errnoOf(error) ?? "")) throw error;
      await copyFile(from, to, constants.COPYFILE_EXCL);
      await nodeFsSteps.syncFile(to);
    }
  },
  removeFile: (path) => rm(path),
  removeTree: (path) => rm(path, { recursive: true, force: true }),
  readFile: (path) => readFile(path),
  async *readChunks(path) {
    const file = await open(path, "r");
    try {
      const buffer = new Uint8Array(READ_BYTES);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  },
  list: (path) => readdir(path),
  sizeOf: async (path) => (await stat(path)).size,
  async freeBytes(path) {
    const facts = await statfs(path);
    return facts.bavail * facts.bsize;
  },
};
