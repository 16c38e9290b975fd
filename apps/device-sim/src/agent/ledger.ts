import { SYNC_LIMITS, measuringModeSchema, type TelemetryBatch, type TelemetryWindow } from "@flotilla/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import type { ClosedWindow } from "./latency-windows.ts";
import { nextBatch, type StoredWindow } from "./ledger-batch.ts";
import type { Random } from "./random.ts";

/**
 * The on-disk queue of latency windows between the device and the server.
 *
 * Invariants: a window's `seq` is used only after the window is durable, so what was sent can be sent again; a file is deleted only
 * after the head that says why (acknowledged or dropped) is durable; any number up to `produced` that is neither on the disk nor
 * acknowledged is declared dropped. So per epoch: produced = stored by the server + declared dropped.
 */
export type Ledger = {
  /** Never rejects: windows that the disk does not take wait in memory (bounded), and are tried again with the next ones. */
  append(windows: readonly ClosedWindow[]): Promise<void>;
  /** What to send now: the contiguous piece after the last acknowledged number, within the protocol's limits. Null when nothing waits. */
  batch(): Promise<TelemetryBatch | null>;
  /** The server's answer: everything up to `seq` of `epoch` is stored there. */
  acknowledge(ack: { readonly epoch: string; readonly seq: number }): Promise<void>;
  status(): LedgerStatus;
};

export type LedgerStatus = {
  readonly epoch: string;
  readonly produced: number;
  readonly acked: number;
  /** Windows that wait for the server. */
  readonly waiting: number;
  readonly sizeBytes: number;
};

export type LedgerOptions = {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly bootId: string;
  readonly log: Logger;
  /** Disk the queue may take; the oldest windows go first. */
  readonly capBytes: number;
};

const DIR = "ledger";
const HEAD = `${DIR}/head.json`;
const EPOCH_BYTES = 8;
/** Segments are the unit of dropping: small against the cap, large against a window (about 0.5 KB). */
const SEGMENT_BYTES = 64 * 1024;
/** Windows kept in memory while the disk takes none: an hour of two series. */
const MAX_UNSAVED = 120;

const headSchema = z.object({ epoch: z.string().regex(/^[0-9a-f]{16}$/), acked: z.number().int().nonnegative(), droppedThrough: z.number().int().nonnegative() });
type Head = z.infer<typeof headSchema>;

const count = z.number().int().nonnegative();
const lineSchema = z.object({
  seq: z.number().int().positive(), boot: z.string(), startMs: z.number(), buildId: z.string(), versionId: z.string(), mode: measuringModeSchema,
  wallMs: z.number().int(), count, errors: count, sumMs: z.number(), minMs: z.number().nullable(), maxMs: z.number().nullable(), buckets: z.array(count),
});

type Segment = { readonly name: string; readonly firstSeq: number; lastSeq: number; sizeBytes: number };

/**
 * Opens the queue in the data folder, finishing whatever a crash left half done. A disk that takes no writes does not keep the queue
 * from opening: a device without telemetry still runs its model.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { disk, log } = options;
  let isHeadStored = true;
  const tolerant = (error: unknown): void => log.warn({ err: String(error) }, "the telemetry queue could not be put in order");
  await disk.makeDirectory(DIR).catch(tolerant);
  let head = await readHead(options, (error) => {
    isHeadStored = false;
    tolerant(error);
  });
  const live = await readSegments(disk, head.epoch, tolerant);
  await settle(disk, live).catch(tolerant);
  let nextSeq = Math.max(head.acked, head.droppedThrough, ...live.map((s) => s.lastSeq)) + 1;
  /** After a failed append a file may end in half a line: the next window goes to a new file. */
  let appendable = false;
  const unsaved: ClosedWindow[] = [];
  let queue: Promise<unknown> = Promise.resolve();

  /** One change at a time: appends come from the inference loop, batches and acknowledgements from the sync loop. */
  function exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  }

  async function saveHead(next: Head): Promise<void> {
    await disk.makeDirectory(DIR);
    await disk.writeAtomic(HEAD, JSON.stringify(next));
    isHeadStored = true;
    head = next;
  }

  /** Removes files of which nothing is needed any more. The head that makes them needless is durable already. */
  async function sweep(): Promise<void> {
    const through = Math.max(head.acked, head.droppedThrough);
    while (live[0] !== undefined && live[0].lastSeq <= through) {
      await disk.remove(live[0].name);
      live.shift();
      if (live.length === 0) appendable = false;
    }
  }

  async function write(windows: readonly ClosedWindow[]): Promise<void> {
    // Windows of an epoch that no head on the disk names would be thrown away at the next start.
    if (!isHeadStored) await saveHead(head);
    const lines = windows.map((window, i) => `${JSON.stringify({ seq: nextSeq + i, boot: options.bootId, ...window })}\n`);
    const bytes = Buffer.from(lines.join(""));
    const last = live.at(-1);
    const segment = appendable && last !== undefined && last.sizeBytes < segmentBytes(options.capBytes) ? last : null;
    const name = segment?.name ?? `${DIR}/${head.epoch}-${String(nextSeq).padStart(12, "0")}.jsonl`;
    appendable = false;
    if (segment === null) await disk.remove(name);
    await disk.append(name, bytes);
    if (segment === null) await disk.syncDirectory(DIR);
    appendable = true;
    const lastSeq = nextSeq + windows.length - 1;
    if (segment === null) live.push({ name, firstSeq: nextSeq, lastSeq, sizeBytes: bytes.length });
    else {
      segment.lastSeq = lastSeq;
      segment.sizeBytes += bytes.length;
    }
    nextSeq = lastSeq + 1;
  }

  async function dropOldestOverCap(): Promise<void> {
    const size = (): number => live.reduce((sum, s) => sum + s.sizeBytes, 0);
    while (size() > options.capBytes && live.length > 1 && live[0] !== undefined) {
      const oldest = live[0];
      log.warn({ first: oldest.firstSeq, last: oldest.lastSeq }, "the telemetry queue is full; its oldest windows are dropped and declared");
      await saveHead({ ...head, droppedThrough: oldest.lastSeq });
      await sweep();
    }
  }

  async function startEpoch(): Promise<void> {
    await saveHead({ epoch: options.random.hex(EPOCH_BYTES), acked: 0, droppedThrough: 0 });
    for (const segment of live.splice(0)) await disk.remove(segment.name);
    appendable = false;
    nextSeq = 1;
  }

  return {
    append: (windows) =>
      exclusively(async () => {
        unsaved.push(...windows);
        if (unsaved.length === 0) return;
        try {
          await write(unsaved);
          unsaved.length = 0;
          await dropOldestOverCap();
        } catch (error) {
          // A number without a window reads as "dropped" in the next batch.
          while (unsaved.length > MAX_UNSAVED) {
            unsaved.shift();
            nextSeq += 1;
          }
          log.warn({ err: String(error), waiting: unsaved.length }, "latency windows could not be written to the disk");
        }
      }),
    batch: () =>
      exclusively(async () => {
        const produced = Math.max(live.at(-1)?.lastSeq ?? 0, head.droppedThrough);
        if (produced <= head.acked) return null;
        const reader = async function* (): AsyncGenerator<StoredWindow> {
          for (const segment of live) yield* await readWindows(disk, segment.name);
        };
        const piece = await nextBatch(reader(), { after: head.acked, through: produced, limits: SYNC_LIMITS });
        if (piece.last === head.acked) return null;
        const windows = piece.windows.map((window) => onTheWire(window, options.bootId, options.clock.monotonicMs()));
        return { epoch: head.epoch, first: head.acked + 1, last: piece.last, windows, ...(piece.dropped.length === 0 ? {} : { dropped: piece.dropped }) };
      }),
    acknowledge: (ack) =>
      exclusively(async () => {
        if (ack.epoch !== head.epoch || ack.seq === head.acked) return;
        if (ack.seq >= nextSeq) {
          log.warn({ acked: ack.seq, produced: nextSeq - 1 }, "the server knows more windows than this device made; starting a new series");
          return await startEpoch();
        }
        if (ack.seq < head.acked) {
          log.warn({ acked: ack.seq, before: head.acked }, "the server lost windows it had acknowledged; declaring those no longer here as dropped");
          return await saveHead({ ...head, acked: ack.seq, droppedThrough: Math.max(head.droppedThrough, goneThrough(live, head)) });
        }
        await saveHead({ ...head, acked: ack.seq });
        await sweep();
      }),
    status() {
      const produced = nextSeq - 1;
      return { epoch: head.epoch, produced, acked: head.acked, waiting: produced - head.acked, sizeBytes: live.reduce((sum, s) => sum + s.sizeBytes, 0) };
    },
  };
}

/** The last number that was acknowledged or dropped and whose file is gone: it cannot be sent again. */
function goneThrough(live: readonly Segment[], head: Head): number {
  const settled = Math.max(head.acked, head.droppedThrough);
  return live[0] === undefined ? settled : Math.min(live[0].firstSeq - 1, settled);
}

function segmentBytes(capBytes: number): number {
  return Math.min(SEGMENT_BYTES, Math.max(1_024, Math.floor(capBytes / 8)));
}

/** What an earlier process wrote and could not make durable before it died is sent from now on, so it must not vanish: its numbers would be used again. */
async function settle(disk: Disk, live: readonly Segment[]): Promise<void> {
  for (const segment of live) await disk.syncFile(segment.name);
  await disk.syncDirectory(DIR);
}

async function readHead(options: LedgerOptions, notStored: (error: unknown) => void): Promise<Head> {
  const bytes = await options.disk.read(HEAD);
  const parsed = bytes === null ? undefined : headSchema.safeParse(parseJson(new TextDecoder().decode(bytes))).data;
  if (parsed !== undefined) return parsed;
  const fresh: Head = { epoch: options.random.hex(EPOCH_BYTES), acked: 0, droppedThrough: 0 };
  await options.disk.writeAtomic(HEAD, JSON.stringify(fresh)).catch(notStored);
  return fresh;
}

/**
 * The segments of this epoch in order; files of other epochs are removed. Numbers in a file rise by one from the one in its name, so the
 * count of whole lines tells the last one, readable or not; half a line at the end was never sent and its number is free. A power cut may
 * have taken the break between two lines as well: then a readable line says a higher number than the count.
 */
async function readSegments(disk: Disk, epoch: string, tolerant: (error: unknown) => void): Promise<Segment[]> {
  const found: Segment[] = [];
  for (const file of await disk.list(DIR)) {
    const name = `${DIR}/${file}`;
    if (name === HEAD) continue;
    const bytes = file.startsWith(`${epoch}-`) && file.endsWith(".jsonl") ? await disk.read(name) : null;
    const lines = bytes?.reduce((n, byte) => (byte === NEWLINE ? n + 1 : n), 0) ?? 0;
    if (bytes === null || lines === 0) {
      await disk.remove(name).catch(tolerant);
      continue;
    }
    const firstSeq = Number(file.slice(epoch.length + 1, -".jsonl".length));
    found.push({ name, firstSeq, lastSeq: highestSeq(bytes, firstSeq + lines - 1), sizeBytes: bytes.length });
  }
  return found;
}

/** `counted`, or the number of a whole, readable line that says a higher one. Only such lines are parsed: a queue may hold many. */
function highestSeq(bytes: Uint8Array, counted: number): number {
  let highest = counted;
  for (const [line, seq] of new TextDecoder().decode(bytes).matchAll(/^\{"seq":(\d+),.*$/gm)) {
    if (Number(seq) > highest && lineSchema.safeParse(parseJson(line)).success) highest = Number(seq);
  }
  return highest;
}

const NEWLINE = 10;

async function readWindows(disk: Disk, name: string): Promise<StoredWindow[]> {
  const bytes = await disk.read(name);
  return bytes === null ? [] : parseLines(bytes);
}

/** Whole, readable lines; a damaged one is left out and so declared dropped. */
function parseLines(bytes: Uint8Array): StoredWindow[] {
  return new TextDecoder().decode(bytes).split("\n").flatMap((line) => {
    const parsed = lineSchema.safeParse(parseJson(line));
    return parsed.success ? [parsed.data] : [];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function onTheWire(stored: StoredWindow, bootId: string, nowMs: number): TelemetryWindow {
  const { boot, startMs, ...window } = stored;
  return { ...window, ageMs: boot === bootId ? Math.max(nowMs - startMs, 0) : null };
}
