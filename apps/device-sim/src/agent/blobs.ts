import type { ArtifactRef } from "@flotilla/protocol";
import type { Logger } from "pino";
import type { Access } from "./access.ts";
import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import { ServerRefusal, type GatewayClient } from "./gateway-client.ts";
import { InstallFailure } from "./install-failure.ts";
import { NetworkError, type NetResponse } from "./net.ts";
import type { Random } from "./random.ts";

/**
 * Artifacts on the device's disk, named by their digest. A file is here under its final name only if its bytes, read back from
 * the disk, had that digest; an interrupted download lies beside as `<sha256>.part` and is taken up again.
 */
export type Blobs = {
  /** Bytes that are not here yet, of all refs together. */
  missingBytes(refs: readonly ArtifactRef[]): Promise<number>;
  /**
   * Makes sure that the artifact is here, whole and right. `onBytes` tells newly written bytes (negative: thrown away).
   * Rejects with `InstallFailure`, or with the signal's reason.
   */
  fetch(ref: ArtifactRef, options: { readonly signal: AbortSignal; readonly onBytes?: (bytes: number) => void }): Promise<void>;
  /** Name for `Disk`. */
  nameOf(sha256: string): string;
  /** Removes everything that is not to be kept, unfinished downloads too. */
  collect(keep: ReadonlySet<string>): Promise<void>;
};

export type BlobsOptions = {
  readonly disk: Disk;
  readonly access: Access;
  readonly client: GatewayClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

const DIR = "blobs";
/** Answers in a row that are no use (refused, or of other bytes) before the attempt is given up. Outages do not count: they end. */
const MAX_USELESS_ANSWERS = 4;
const RESUME_BACKOFF = { baseMs: 500, capMs: 15_000 } as const;
/** Synced this often, so that a power cut costs at most so much of a download. */
const SYNC_EVERY_BYTES = 4 * 2 ** 20;

export function createBlobs(options: BlobsOptions): Blobs {
  const { disk } = options;
  const nameOf = (sha256: string): string => `${DIR}/${sha256}`;
  const partOf = (sha256: string): string => `${DIR}/${sha256}.part`;

  async function missing(ref: ArtifactRef): Promise<number> {
    if ((await disk.sizeOf(nameOf(ref.sha256))) === ref.sizeBytes) return 0;
    return Math.max(ref.sizeBytes - ((await disk.sizeOf(partOf(ref.sha256))) ?? 0), 0);
  }

  return {
    nameOf,
    async missingBytes(refs) {
      const unique = new Map(refs.map((ref) => [ref.sha256, ref]));
      let total = 0;
      for (const ref of unique.values()) total += await missing(ref);
      return total;
    },
    async fetch(ref, { signal, onBytes }) {
      await disk.makeDirectory(DIR);
      const present = await disk.digest(nameOf(ref.sha256));
      if (present !== null) {
        if (present.sha256 === ref.sha256) return;
        options.log.warn({ sha256: ref.sha256 }, "a stored artifact went bad on the disk; fetching it again");
        await disk.remove(nameOf(ref.sha256));
      }
      // Bytes can be damaged on the way, or be left over from a damaged try: one clean second try before it is called wrong.
      for (const last of [false, true]) {
        await downloadPart(options, ref, partOf(ref.sha256), signal, onBytes ?? (() => undefined));
        const written = await disk.digest(partOf(ref.sha256));
        if (written?.sha256 === ref.sha256 && written.sizeBytes === ref.sizeBytes) return await disk.publish(partOf(ref.sha256), nameOf(ref.sha256));
        await disk.remove(partOf(ref.sha256));
        onBytes?.(-(written?.sizeBytes ?? 0));
        if (last) throw new InstallFailure("digest_mismatch", `artifact ${ref.sha256} came with digest ${written?.sha256 ?? "of nothing"} twice`);
        options.log.warn({ sha256: ref.sha256, got: written?.sha256 }, "the downloaded bytes are not the promised ones; fetching them again");
      }
    },
    async collect(keep) {
      for (const file of await disk.list(DIR)) if (!keep.has(file)) await disk.remove(`${DIR}/${file}`);
    },
  };
}

/** The server answered with something that is not what was asked for. */
class UselessAnswer extends Error {}

/** Fetches what is missing of a part file, through as many outages and broken connections as the attempt's time allows. */
async function downloadPart(options: BlobsOptions, ref: ArtifactRef, part: string, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<void> {
  const { disk, access, client, clock, random, log } = options;
  let failures = 0;
  let useless = 0;
  for (;;) {
    signal.throwIfAborted();
    const before = (await disk.sizeOf(part)) ?? 0;
    if (before === ref.sizeBytes) return;
    if (before > ref.sizeBytes) await disk.remove(part);
    const from = before > ref.sizeBytes ? 0 : before;
    try {
      const response = await access.withToken((token) => client.artifact(token, ref.sha256, from, signal));
      await store({ disk, response, ref, part, from, onBytes });
      if (((await disk.sizeOf(part)) ?? 0) === ref.sizeBytes) return;
      throw new NetworkError("the download ended early");
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NetworkError || error instanceof ServerRefusal || error instanceof UselessAnswer)) throw error;
      failures = ((await disk.sizeOf(part)) ?? 0) > from ? 1 : failures + 1;
      if (isUseless(error)) useless += 1;
      if (useless >= MAX_USELESS_ANSWERS) throw new InstallFailure("download", `artifact ${ref.sha256}: ${error.message}`);
      log.info({ sha256: ref.sha256, err: error.message }, "download interrupted; it will be taken up where it stopped");
      const retryAfterMs = error instanceof ServerRefusal ? error.retryAfterMs : undefined;
      await clock.sleep(backoffMs(failures, random, RESUME_BACKOFF, retryAfterMs), signal);
    }
  }
}

/** A busy or expired answer may be another one soon; "no such artifact" or "look elsewhere" (a second time) will hardly. */
function isUseless(error: Error): boolean {
  return error instanceof UselessAnswer || (error instanceof ServerRefusal && error.status >= 300 && error.status < 500 && ![401, 408, 429].includes(error.status));
}

type StoreInput = {
  readonly disk: Disk; readonly response: NetResponse; readonly ref: ArtifactRef; readonly part: string; readonly from: number;
  readonly onBytes: (bytes: number) => void;
};

/** Writes an answer's body behind what is there (206) or from the start (200); never more than the promised size. */
async function store({ disk, response, ref, part, from, onBytes }: StoreInput): Promise<void> {
  const start = startOf(response, from);
  if (start === null || !fits(response, ref)) {
    await response.discard();
    await disk.remove(part);
    onBytes(-from);
    throw new UselessAnswer(`the server's answer (status ${response.status}) does not fit what was asked`);
  }
  if (start < from) {
    await disk.truncate(part, 0);
    onBytes(-from);
  }
  const file = await disk.openAppend(part);
  try {
    let size = start;
    let unsynced = 0;
    for await (const chunk of response.body) {
      const piece = chunk.subarray(0, ref.sizeBytes - size);
      await file.write(piece);
      size += piece.length;
      unsynced += piece.length;
      onBytes(piece.length);
      if (piece.length < chunk.length) throw new UselessAnswer("the server sends more bytes than promised");
      if (unsynced >= SYNC_EVERY_BYTES) {
        await file.sync();
        unsynced = 0;
      }
    }
  } finally {
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** The offset an answer's body begins at; null when it is no use. */
function startOf(response: NetResponse, from: number): number | null {
  if (response.status === 200) return 0;
  if (response.status !== 206) return null;
  const start = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(response.headers["content-range"] ?? "")?.[1];
  return start !== undefined && Number(start) === from ? from : null;
}

/** An entity tag or a total that contradicts the promised artifact shows that these are other bytes. */
function fits(response: NetResponse, ref: ArtifactRef): boolean {
  const etag = response.headers.etag;
  if (etag !== undefined && etag !== `"${ref.sha256}"`) return false;
  const total = response.status === 206 ? /\/(\d+)$/.exec(response.headers["content-range"] ?? "")?.[1] : response.headers["content-length"];
  return total === undefined || Number(total) === ref.sizeBytes;
}
