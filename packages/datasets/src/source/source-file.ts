import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DatasetRefusal, quoted, readableBytes } from "../dataset-refusal.ts";
import type { DatasetLimits } from "../limits.ts";
import type { NamedFile } from "../types.ts";

/** One file to read examples from, wherever it lies: on disk, in an archive, compressed. */
export type SourceFile = {
  /** As uploaded, or its path in the archive: "/" between folders, no "..", not absolute. */
  readonly name: string;
  /** Bytes that `stream` will give, where the container says so; a claim until they have been read. */
  readonly sizeBytes: number | null;
  /** Set when the bytes lie on disk as they are, so that any place can be read at once. */
  readonly path: string | null;
  /** All bytes; refuses more than `wholeFileBytes`. */
  bytes(): Promise<Uint8Array>;
  stream(): AsyncIterable<Uint8Array>;
};

/** Reading so much at once makes the number of chunks negligible beside the work on them. */
const CHUNK_BYTES = 256 * 1024;

export async function plainFile(file: NamedFile, limits: DatasetLimits): Promise<SourceFile> {
  const { size } = await stat(file.path);
  return {
    name: file.name,
    sizeBytes: size,
    path: file.path,
    bytes: async () => {
      refuseWhole(file.name, size, limits);
      return readFile(file.path);
    },
    stream: () => createReadStream(file.path, { highWaterMark: CHUNK_BYTES }),
  };
}

export function refuseWhole(name: string, sizeBytes: number, limits: DatasetLimits): void {
  if (sizeBytes <= limits.wholeFileBytes) return;
  throw new DatasetRefusal(
    "example_too_large",
    `${quoted(name)} has ${readableBytes(sizeBytes)}; one example may have ${readableBytes(limits.wholeFileBytes)}. Shrink or split it.`,
  );
}

/** The same file without its gzip layer; its name loses ".gz". */
export function gunzipped(file: SourceFile, limits: DatasetLimits): SourceFile {
  const stream = (): AsyncIterable<Uint8Array> => inflate(file, limits);
  return { name: file.name.replace(/\.gz$/i, ""), sizeBytes: null, path: null, stream, bytes: () => collect(stream(), file.name, limits) };
}

async function* inflate(file: SourceFile, limits: DatasetLimits): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // The reader of the pipe learns of each failure itself.
  pipeline(Readable.from(file.stream()), gunzip, () => undefined);
  let inflatedBytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      inflatedBytes += chunk.byteLength;
      if (inflatedBytes > limits.inflatedBytes) {
        throw new DatasetRefusal("zip_bomb", `${quoted(file.name)} inflates to more than ${readableBytes(limits.inflatedBytes)}. Upload a part of the data.`);
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof DatasetRefusal) throw error;
    throw new DatasetRefusal("gzip_damaged", `${quoted(file.name)} is a damaged or cut-off gzip file. Compress it again and repeat the upload.`, { cause: error });
  } finally {
    gunzip.destroy();
  }
}

async function collect(stream: AsyncIterable<Uint8Array>, name: string, limits: DatasetLimits): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.byteLength;
    refuseWhole(name, sizeBytes, limits);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}
