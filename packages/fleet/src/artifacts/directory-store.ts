import { createHash, randomBytes } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm, stat, statfs, type FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { ArtifactRef } from "@flotilla/protocol";
import { checkedSha256, checkedUploadId, notInStore, wrongDigest, wrongPart, wrongSize } from "./artifact-names.ts";
import type { ArtifactStore, PartPlace } from "./artifact-store.ts";

// Layout: <root>/sha256/ab/<hex> holds artifacts, <root>/staging/<uploadId> uploads under way, <root>/staging/put-* copies
// under way. Everything reaches sha256/ by fsync and rename, so a name there always has its whole bytes.
// Invariant: no file handle that can write is open on a file when it is renamed. Parts and commits of one upload
// therefore exclude each other here; several gateways on one directory must send an upload's calls to one of them
// (s3-store.ts takes over when there are many).

const READ_BYTES = 1024 * 1024;
const DOWNLOAD_READ_BYTES = 256 * 1024;

/** `pathOf`: absolute path of an artifact's file; the file may not exist. */
export type DirectoryStore = ArtifactStore & { pathOf(sha256: string): string };

/** An artifact store in a directory of the local file system; folders are made when they are first needed. */
export function directoryStore(root: string): DirectoryStore {
  const base = resolve(root);
  const staging = join(base, "staging");
  const writers = new WritersByUpload();

  const pathOf = (sha256: string): string => join(base, "sha256", checkedSha256(sha256).slice(0, 2), sha256);
  const stagedPath = (uploadId: string): string => join(staging, checkedUploadId(uploadId));
  const sizeOf = async (sha256: string): Promise<number | null> => (await statOrNull(pathOf(sha256)))?.size ?? null;

  return {
    pathOf,
    sizeOf,
    has: async (sha256) => (await sizeOf(sha256)) !== null,
    async stagePart(uploadId, place, bytes) {
      const path = stagedPath(uploadId);
      await writers.shared(uploadId, async () => {
        await mkdir(staging, { recursive: true });
        await using file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o640);
        await writeAt(file, place, bytes);
        await file.datasync();
      });
    },
    commit: (uploadId, expected) =>
      writers.exclusive(uploadId, async () => {
        const staged = stagedPath(uploadId);
        if ((await statOrNull(staged)) === null && (await sizeOf(expected.sha256)) === expected.sizeBytes) return;
        await checkStaged(staged, expected);
        await publish(staged, pathOf(expected.sha256));
      }),
    discard: (uploadId) => writers.exclusive(uploadId, () => rm(stagedPath(uploadId), { force: true })),
    async sweep(beforeMs) {
      let deleted = 0;
      for (const name of await namesIn(staging)) {
        const path = join(staging, name);
        const found = await statOrNull(path);
        if (found === null || found.mtimeMs >= beforeMs) continue;
        await rm(path, { force: true });
        deleted += 1;
      }
      return deleted;
    },
    async open(sha256, range) {
      const path = pathOf(sha256);
      if ((await sizeOf(sha256)) === null) throw notInStore();
      return createReadStream(path, { highWaterMark: DOWNLOAD_READ_BYTES, ...range });
    },
    async put(source) {
      await mkdir(staging, { recursive: true });
      const copy = join(staging, `put-${randomBytes(9).toString("hex")}`);
      try {
        const ref = await copyAndHash(source, copy);
        await publish(copy, pathOf(ref.sha256));
        return ref;
      } finally {
        await rm(copy, { force: true });
      }
    },
    async copyTo(sha256, path) {
      try {
        // Shares blocks with the store where the file system can.
        await copyFile(pathOf(sha256), path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") throw notInStore();
        throw error;
      }
    },
    linkTo: async () => null,
    async freeBytes() {
      await mkdir(base, { recursive: true });
      const disk = await statfs(base);
      return disk.bavail * disk.bsize;
    },
  };
}

async function writeAt(file: FileHandle, place: PartPlace, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  let written = 0;
  for await (const chunk of bytes) {
    if (written + chunk.length > place.sizeBytes) throw wrongPart(place, "more");
    await writeAll(file, chunk, place.offset + written);
    written += chunk.length;
  }
  if (written !== place.sizeBytes) throw wrongPart(place, `only ${written}`);
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

/** Throws `upload_mismatch` unless the file has the size and the digest. */
async function checkStaged(path: string, expected: ArtifactRef): Promise<void> {
  const found = await statOrNull(path);
  const size = found?.size ?? 0;
  if (size !== expected.sizeBytes) throw wrongSize(expected, size);
  const sha256 = await hashOf(path);
  if (sha256 !== expected.sha256) throw wrongDigest(expected, sha256);
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

async function copyAndHash(source: Uint8Array | { file: string }, path: string): Promise<ArtifactRef> {
  const chunks = source instanceof Uint8Array ? [source] : createReadStream(source.file, { highWaterMark: READ_BYTES });
  const hash = createHash("sha256");
  await using file = await open(path, "wx");
  let sizeBytes = 0;
  for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    await writeAll(file, chunk, sizeBytes);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest("hex"), sizeBytes };
}

/** Makes a finished file durable under its name. An artifact that is there already has the same bytes: it is replaced by them. */
async function publish(from: string, to: string): Promise<void> {
  await syncPath(from);
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
  await syncPath(dirname(to));
}

async function syncPath(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function statOrNull(path: string): Promise<{ size: number; mtimeMs: number } | null> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Many parts of one upload at a time, or one commit or discard alone. */
class WritersByUpload {
  readonly #turns = new Map<string, { shared: Set<Promise<unknown>>; exclusive: Promise<unknown> }>();

  async shared<T>(uploadId: string, work: () => Promise<T>): Promise<T> {
    const turn = this.#turn(uploadId);
    const mine = turn.exclusive.then(work);
    const settled = mine.then(noop, noop);
    turn.shared.add(settled);
    void settled.then(() => {
      turn.shared.delete(settled);
      this.#forget(uploadId, turn);
    });
    return await mine;
  }

  async exclusive<T>(uploadId: string, work: () => Promise<T>): Promise<T> {
    const turn = this.#turn(uploadId);
    const mine = Promise.all([turn.exclusive, ...turn.shared]).then(work);
    const settled = mine.then(noop, noop);
    turn.exclusive = settled;
    void settled.then(() => this.#forget(uploadId, turn, settled));
    return await mine;
  }

  #turn(uploadId: string): { shared: Set<Promise<unknown>>; exclusive: Promise<unknown> } {
    let turn = this.#turns.get(uploadId);
    if (turn === undefined) {
      turn = { shared: new Set(), exclusive: Promise.resolve() };
      this.#turns.set(uploadId, turn);
    }
    return turn;
  }

  #forget(uploadId: string, turn: { shared: Set<Promise<unknown>>; exclusive: Promise<unknown> }, last?: Promise<unknown>): void {
    if (turn.shared.size === 0 && (last === undefined || turn.exclusive === last)) this.#turns.delete(uploadId);
  }
}

function noop(): void {
  return undefined;
}
