import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FleetError, type ArtifactRef } from "@flotilla/protocol";
import { checkedSha256, checkedUploadId, notInStore, wrongDigest, wrongPart, wrongSize } from "./artifact-names.ts";
import type { ArtifactStore, PartPlace } from "./artifact-store.ts";
import { mapSome, s3Objects, type ObjectInfo, type S3Location } from "./s3-objects.ts";

// Layout: <prefix>sha256/ab/<hex> holds artifacts, <prefix>staging/<uploadId>/<offset> the parts of uploads under way.
// A part is an object of its own, so any gateway may take any part, sending one again replaces it whole, and nothing about an
// upload is remembered outside of the bucket. Commit reads all parts once, hashes what it reads, and lets the store put the
// artifact together out of exactly those (copies conditional on the ETag that was read): no byte gets a name here unhashed.

/** Where artifacts go: a bucket and what stands before their names ("" or ending with "/"). */
export type S3StoreOptions = S3Location & {
  prefix: string;
  /** "redirect": devices fetch from the store itself by short-lived links. "stream": through the gateway. */
  downloads: "redirect" | "stream";
};

export type S3Store = ArtifactStore & { close(): void };

/** A link lives this long; a download that takes longer asks for another one when it is resumed. */
const LINK_TTL_SECONDS = 15 * 60;
/** A link is handed out again for this long: ten thousand devices that want one build cost one signature and one look. */
const LINK_REUSED_MS = 60_000;
const MAX_LINKS = 10_000;
/** Pieces of a file that is put; S3 wants at least 5 MiB for all but the last. */
const PIECE_BYTES = 8 * 1024 * 1024;
const DELETES_AT_ONCE = 8;

/** An artifact store in a bucket of any S3-compatible object store. */
export function s3Store(options: S3StoreOptions): S3Store {
  const objects = s3Objects(options);
  const links = new Map<string, { url: string; untilMs: number }>();
  const keyOf = (sha256: string): string => `${options.prefix}sha256/${checkedSha256(sha256).slice(0, 2)}/${sha256}`;
  const staging = `${options.prefix}staging/`;
  const stagedPrefix = (uploadId: string): string => `${staging}${checkedUploadId(uploadId)}/`;
  const sizeOf = async (sha256: string): Promise<number | null> => (await objects.head(keyOf(sha256)))?.sizeBytes ?? null;
  const deleteAll = async (found: readonly ObjectInfo[]): Promise<void> => void (await mapSome(found, DELETES_AT_ONCE, ({ key }) => objects.delete(key)));
  const stagedOf = async (uploadId: string): Promise<ObjectInfo[]> => {
    const found: ObjectInfo[] = [];
    for await (const object of objects.list(stagedPrefix(uploadId))) found.push(object);
    // Offsets have the same number of digits.
    return found.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  };

  return {
    sizeOf,
    has: async (sha256) => (await sizeOf(sha256)) !== null,
    async stagePart(uploadId, place, bytes) {
      const key = `${stagedPrefix(uploadId)}${String(place.offset).padStart(12, "0")}`;
      const fault: { error: unknown } = { error: null };
      const body = Readable.from(exactly(place, bytes, fault), { objectMode: false, highWaterMark: 256 * 1024 });
      try {
        await objects.put(key, body, place.sizeBytes);
      } catch (error) {
        throw fault.error ?? error;
      } finally {
        body.destroy();
      }
    },
    async commit(uploadId, expected) {
      const parts = await stagedOf(uploadId);
      if (parts.length === 0 && (await sizeOf(expected.sha256)) === expected.sizeBytes) return;
      const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
      if (sizeBytes !== expected.sizeBytes) throw wrongSize(expected, sizeBytes);
      const hash = createHash("sha256");
      for (const part of parts) for await (const chunk of await objects.get(part.key, { etag: part.etag })) hash.update(chunk as Uint8Array);
      const sha256 = hash.digest("hex");
      if (sha256 !== expected.sha256) throw wrongDigest(expected, sha256);
      if ((await sizeOf(sha256)) !== sizeBytes) await objects.concatenate(keyOf(sha256), parts);
      await deleteAll(parts);
    },
    async discard(uploadId) {
      await deleteAll(await stagedOf(uploadId));
    },
    async sweep(beforeMs) {
      const uploads = new Map<string, ObjectInfo[]>();
      for await (const object of objects.list(staging)) {
        const uploadId = object.key.slice(staging.length).split("/", 1)[0] ?? "";
        uploads.set(uploadId, [...(uploads.get(uploadId) ?? []), object]);
      }
      const old = [...uploads.values()].filter((parts) => parts.every(({ modifiedMs }) => modifiedMs < beforeMs));
      await deleteAll(old.flat());
      return old.length + (await objects.abortOlder(`${options.prefix}sha256/`, beforeMs));
    },
    open: (sha256, range) => objects.get(keyOf(sha256), { range }),
    async put(source) {
      if (source instanceof Uint8Array) {
        const ref = { sha256: createHash("sha256").update(source).digest("hex"), sizeBytes: source.length };
        if ((await sizeOf(ref.sha256)) !== ref.sizeBytes) await objects.put(keyOf(ref.sha256), source, ref.sizeBytes);
        return ref;
      }
      const ref = await refOf(source.file);
      if ((await sizeOf(ref.sha256)) === ref.sizeBytes) return ref;
      await putFile(source.file, ref, (pieces, check) => objects.putPieces(keyOf(ref.sha256), pieces, check));
      return ref;
    },
    async copyTo(sha256, path) {
      await pipeline(await objects.get(keyOf(sha256)), createWriteStream(path, { flags: "wx" }));
    },
    async linkTo(sha256) {
      const key = keyOf(sha256);
      if (options.downloads === "stream") return null;
      const known = links.get(sha256);
      if (known !== undefined && known.untilMs > performance.now()) return known.url;
      if ((await objects.head(key)) === null) throw notInStore();
      const url = await objects.presignedGet(key, LINK_TTL_SECONDS);
      links.delete(sha256);
      links.set(sha256, { url, untilMs: performance.now() + LINK_REUSED_MS });
      for (const oldest of links.keys()) {
        if (links.size <= MAX_LINKS) break;
        links.delete(oldest);
      }
      return url;
    },
    async freeBytes() {
      await objects.ping();
      return Number.MAX_SAFE_INTEGER;
    },
    close: () => objects.close(),
  };
}

/**
 * The stream itself when it has the place's length; throws `part_invalid` otherwise, and before the last piece is
 * handed on, so that the store never gets a whole object of a part that is too long.
 */
async function* exactly(place: PartPlace, bytes: AsyncIterable<Uint8Array>, fault: { error: unknown }): AsyncGenerator<Uint8Array> {
  try {
    let sizeBytes = 0;
    let held: Uint8Array | null = null;
    for await (const chunk of bytes) {
      sizeBytes += chunk.length;
      if (sizeBytes > place.sizeBytes) throw wrongPart(place, "more");
      if (held !== null) yield held;
      held = chunk;
    }
    if (sizeBytes !== place.sizeBytes) throw wrongPart(place, `only ${sizeBytes}`);
    if (held !== null) yield held;
  } catch (error) {
    fault.error = error;
    throw error;
  }
}

async function refOf(file: string): Promise<ArtifactRef> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: PIECE_BYTES })) {
    hash.update(chunk as Uint8Array);
    sizeBytes += (chunk as Uint8Array).length;
  }
  return { sha256: hash.digest("hex"), sizeBytes };
}

/** Reads the file a second time; what is sent is hashed again, and gets no name when the file changed in between. */
async function putFile(file: string, ref: ArtifactRef, send: (pieces: AsyncIterable<Uint8Array>, check: () => void) => Promise<void>): Promise<void> {
  const hash = createHash("sha256");
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let isEmpty = true;
    for await (const chunk of filled(createReadStream(file, { highWaterMark: PIECE_BYTES }))) {
      isEmpty = false;
      hash.update(chunk);
      yield chunk;
    }
    if (isEmpty) yield new Uint8Array();
  }
  await send(pieces(), () => {
    if (hash.digest("hex") !== ref.sha256) throw new FleetError("conflict", { public: "The file changed while it was put into the store." });
  });
}

/** Regroups chunks into pieces of PIECE_BYTES, the last one shorter. */
async function* filled(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes < PIECE_BYTES) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    sizeBytes = 0;
  }
  if (sizeBytes > 0) yield Buffer.concat(waiting);
}

