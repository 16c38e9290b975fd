import type { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CopyObjectCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand, HeadBucketCommand,
  HeadObjectCommand, ListMultipartUploadsCommand, PutObjectCommand, S3Client, UploadPartCommand, UploadPartCopyCommand, paginateListObjectsV2, type CompletedPart,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { FleetError, invariant } from "@flotilla/protocol";

// The few calls of S3 that artifacts need, with its errors turned into ours. Nothing here knows what an artifact is.
// Only calls that AWS, Ceph, MinIO, SeaweedFS, Garage and R2 have in common; conditions (If-Match) on reads and copies only.

/** Where a bucket is, and who asks. */
export type S3Location = {
  bucket: string;
  region: string;
  /** Another store than AWS. */
  endpoint?: string | undefined;
  /** Where devices reach it, when that is another address. */
  publicEndpoint?: string | undefined;
  /** `http://host/bucket/key` instead of `http://bucket.host/key`. */
  forcePathStyle: boolean;
  /** Default: the SDK's own chain (AWS_ACCESS_KEY_ID, a profile, a web identity, an instance's role). */
  credentials?: { accessKeyId: string; secretAccessKey: string };
};

export type ObjectInfo = { key: string; sizeBytes: number; etag: string; modifiedMs: number };

export type S3Objects = {
  head(key: string): Promise<{ sizeBytes: number } | null>;
  /** Rejects with `not_found`; with `changed` when there is an ETag and the object has another one. */
  get(key: string, options?: { range?: { start: number; end: number } | undefined; etag?: string }): Promise<Readable>;
  /** A stream is sent once and never held; bytes are sent again when the store asks for it. */
  put(key: string, body: Readable | Uint8Array, sizeBytes: number): Promise<void>;
  delete(key: string): Promise<void>;
  list(prefix: string): AsyncGenerator<ObjectInfo>;
  /** One object out of others of the same bucket, in their order; none of them may have changed since its ETag was read. */
  concatenate(key: string, parts: readonly ObjectInfo[]): Promise<void>;
  /** One object out of pieces as they come; the object appears when `check`, called at the end, does not throw. */
  putPieces(key: string, pieces: AsyncIterable<Uint8Array>, check: () => void): Promise<void>;
  /** Gives up multipart uploads below a prefix that began before `beforeMs`; answers how many. */
  abortOlder(prefix: string, beforeMs: number): Promise<number>;
  presignedGet(key: string, expiresInSeconds: number): Promise<string>;
  /** Rejects when the bucket cannot be reached. */
  ping(): Promise<void>;
  /** Makes the bucket; "exists" when it is there and ours to use. */
  create(): Promise<"created" | "exists">;
  close(): void;
};

const CONNECT_TIMEOUT_MS = 5_000;
/** A connection on which nothing moves for this long is given up. */
const IDLE_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;
/** Copies inside the store at once: each takes no bytes of ours, only a connection. */
const COPIES_AT_ONCE = 4;
const OCTETS = "application/octet-stream";

/** A bucket; connects when it is first used. */
export function s3Objects(location: S3Location): S3Objects {
  const { bucket } = location;
  const client = clientOf(location, location.endpoint);
  const signer = location.publicEndpoint === undefined ? client : clientOf(location, location.publicEndpoint);
  const at = (key: string) => ({ Bucket: bucket, Key: key });

  /** One object by a multipart upload: all of it or, when `fill` throws, nothing. */
  async function multipart(key: string, fill: (uploadId: string) => Promise<CompletedPart[]>): Promise<void> {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at(key), ContentType: OCTETS }));
    invariant(UploadId !== undefined, "the object store began a multipart upload without an id");
    try {
      const Parts = await fill(UploadId);
      await client.send(new CompleteMultipartUploadCommand({ ...at(key), UploadId, MultipartUpload: { Parts } }));
    } catch (error) {
      // What cannot be given up now is found by abortOlder.
      await client.send(new AbortMultipartUploadCommand({ ...at(key), UploadId })).catch(() => undefined);
      throw error;
    }
  }

  return {
    head: (key) =>
      ours(async () => {
        try {
          const { ContentLength } = await client.send(new HeadObjectCommand(at(key)));
          return { sizeBytes: ContentLength ?? 0 };
        } catch (error) {
          if (statusOf(error) === 404) return null;
          throw error;
        }
      }),
    get: (key, { range, etag } = {}) =>
      ours(async () => {
        const { Body } = await client.send(
          new GetObjectCommand({ ...at(key), ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` }), ...(etag === undefined ? {} : { IfMatch: etag }) }),
        );
        return Body as Readable;
      }),
    put: (key, body, sizeBytes) =>
      ours(async () => {
        const command = new PutObjectCommand({ ...at(key), Body: body, ContentLength: sizeBytes, ContentType: OCTETS });
        if (body instanceof Uint8Array) return void (await client.send(command));
        // The SDK pipes a stream and does not hear of its errors: the request would wait for bytes that never come.
        const broken = new AbortController();
        body.once("error", (error) => broken.abort(error));
        await client.send(command, { abortSignal: broken.signal });
      }),
    delete: (key) =>
      ours(async () => {
        await client.send(new DeleteObjectCommand(at(key)));
      }),
    async *list(prefix) {
      for await (const page of oursEach(paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))) {
        for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
          if (Key !== undefined && ETag !== undefined) yield { key: Key, sizeBytes: Size ?? 0, etag: ETag, modifiedMs: LastModified?.getTime() ?? Date.now() };
        }
      }
    },
    concatenate: (key, parts) =>
      ours(async () => {
        const [only] = parts;
        const sourceOf = (part: ObjectInfo) => ({ CopySource: `${bucket}/${encodeURIComponent(part.key)}`, CopySourceIfMatch: part.etag });
        if (parts.length === 1 && only !== undefined) {
          await client.send(new CopyObjectCommand({ ...at(key), ...sourceOf(only) }));
          return;
        }
        await multipart(key, (UploadId) =>
          mapSome(parts, COPIES_AT_ONCE, async (part, index) => {
            const PartNumber = index + 1;
            const { CopyPartResult } = await client.send(new UploadPartCopyCommand({ ...at(key), UploadId, PartNumber, ...sourceOf(part) }));
            return { PartNumber, ETag: CopyPartResult?.ETag };
          }),
        );
      }),
    putPieces: (key, pieces, check) =>
      ours(() =>
        multipart(key, async (UploadId) => {
          const done: CompletedPart[] = [];
          for await (const piece of pieces) {
            const PartNumber = done.length + 1;
            const { ETag } = await client.send(new UploadPartCommand({ ...at(key), UploadId, PartNumber, Body: piece, ContentLength: piece.length }));
            done.push({ PartNumber, ETag });
          }
          check();
          return done;
        }),
      ),
    abortOlder: (prefix, beforeMs) =>
      ours(async () => {
        let aborted = 0;
        let marker: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | undefined;
        do {
          const page = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker }));
          for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
            if (Key === undefined || Initiated === undefined || Initiated.getTime() >= beforeMs) continue;
            await client.send(new AbortMultipartUploadCommand({ ...at(Key), UploadId }));
            aborted += 1;
          }
          marker = page.IsTruncated === true ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
        } while (marker !== undefined);
        return aborted;
      }),
    presignedGet: (key, expiresIn) => ours(() => getSignedUrl(signer, new GetObjectCommand({ ...at(key), ResponseContentType: OCTETS, ResponseCacheControl: "private, no-store" }), { expiresIn })),
    ping: () =>
      ours(async () => {
        await client.send(new HeadBucketCommand({ Bucket: bucket }));
      }),
    create: () =>
      ours(async () => {
        try {
          await client.send(new HeadBucketCommand({ Bucket: bucket }));
          return "exists";
        } catch (error) {
          if (statusOf(error) !== 404) throw error;
          await client.send(new CreateBucketCommand({ Bucket: bucket }));
          return "created";
        }
      }),
    close() {
      client.destroy();
      signer.destroy();
    },
  };
}

function clientOf(location: S3Location, endpoint: string | undefined): S3Client {
  return new S3Client({
    region: location.region,
    forcePathStyle: location.forcePathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(location.credentials === undefined ? {} : { credentials: location.credentials }),
    // Checksums beyond the signature's own are a later invention that not every store has; our own SHA-256 decides anyway.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // It would write lines of its own to stderr; what fails is thrown and logged once, by whoever asked.
    logger: { trace: silent, debug: silent, info: silent, warn: silent, error: silent },
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS, httpAgent: { maxSockets: MAX_CONNECTIONS }, httpsAgent: { maxSockets: MAX_CONNECTIONS } },
  });
}

function silent(): void {
  return undefined;
}

async function ours<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fleetErrorOf(error);
  }
}

async function* oursEach<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw fleetErrorOf(error);
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
}

/** Everything that is not about one object is "the store is not reachable": a person must look, the same call may succeed later. */
function fleetErrorOf(error: unknown): unknown {
  if (error instanceof FleetError) return error;
  const { name = "", message = "" } = error as { name?: string; message?: string };
  // An answer to HEAD has no body, so its status is all that is known.
  const internal = `object store: ${statusOf(error) ?? "no answer"} ${name}: ${message}`;
  if (name === "NoSuchKey") return new FleetError("not_found", { public: "The artifact is not in the store.", cause: error });
  if (statusOf(error) === 412 || name === "PreconditionFailed") {
    return new FleetError("version_mismatch", { public: "Somebody sent a part again while the upload was being checked; complete it once more.", internal, cause: error });
  }
  if (statusOf(error) === 507 || name === "QuotaExceeded" || name === "XMinioStorageFull") {
    return new FleetError("insufficient_storage", { public: "The artifact store is full. An admin must make room.", internal, cause: error, extra: { retryAfterMs: 60_000 } });
  }
  return new FleetError("unavailable", { public: "The artifact store is not reachable; try again.", internal, cause: error, extra: { retryAfterMs: 2_000 } });
}

/** The results in the order of the items; `atOnce` of them under way. Stops taking more at the first error. */
export async function mapSome<T, R>(items: readonly T[], atOnce: number, work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let hasFailed = false;
  const runner = async (): Promise<void> => {
    while (next < items.length && !hasFailed) {
      const index = next;
      next += 1;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const runners = Array.from({ length: Math.min(atOnce, items.length) }, runner);
  await Promise.allSettled(runners);
  await Promise.all(runners);
  return results;
}
