// What is decided about a transfer, without clock, chance or network: those are arguments.

/** Where part `n` (from 1) lies in the file, end excluded. */
export function partRange(n: number, sizeBytes: number, partSizeBytes: number): { start: number; end: number } {
  const start = (n - 1) * partSizeBytes;
  return { start, end: Math.min(start + partSizeBytes, sizeBytes) };
}

/** Numbers of the parts that still have to be sent, in order. */
export function missingParts(upload: { sizeBytes: number; partSizeBytes: number; receivedParts: readonly number[] }): number[] {
  const received = new Set(upload.receivedParts);
  const count = Math.ceil(upload.sizeBytes / upload.partSizeBytes);
  return Array.from({ length: count }, (_, index) => index + 1).filter((n) => !received.has(n));
}

/** Bytes that have arrived: whole parts only, the last one as long as it is. */
export function receivedBytes(upload: { sizeBytes: number; partSizeBytes: number; receivedParts: readonly number[] }): number {
  let bytes = 0;
  for (const n of new Set(upload.receivedParts)) {
    const { start, end } = partRange(n, upload.sizeBytes, upload.partSizeBytes);
    bytes += Math.max(0, end - start);
  }
  return bytes;
}

const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;

/** How long to wait before try `attempt` (from 1) is repeated: full jitter below a doubling ceiling. `random` is 0 to 1. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt - 1, 10));
  return Math.round(Math.max(250, ceiling * random));
}

/** A moment of a transfer. */
export type Sample = { atMs: number; bytes: number };
const SPEED_WINDOW_MS = 8_000;
const SPEED_MIN_MS = 500;

/** Adds a moment and forgets those that are too old to say how fast it goes now. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const last = samples.at(-1);
  // Less than before: a part is sent again. What was measured before does not count any more.
  if (last !== undefined && sample.bytes < last.bytes) return [sample];
  return [...samples.filter((old) => sample.atMs - old.atMs <= SPEED_WINDOW_MS), sample];
}

/** Bytes per second over the last seconds; null until that means something. */
export function speedOf(samples: readonly Sample[]): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.atMs - first.atMs < SPEED_MIN_MS) return null;
  return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
}

/** What tells one file from another before it is read. */
export type Fingerprint = { filename: string; sizeBytes: number; lastModified: number };

/** Whether a file that was picked again is the one whose upload was begun. */
export function isSameFile(a: Fingerprint, b: Fingerprint): boolean {
  return a.filename === b.filename && a.sizeBytes === b.sizeBytes && a.lastModified === b.lastModified;
}

/** An upload of which the browser remembers that it was begun; the file itself it cannot keep. */
export type RememberedUpload = Fingerprint & { uploadId: string; sha256: string; sentBytes: number; savedAtMs: number };

/** The server gives an upload up after a day, and so does the browser. */
const REMEMBERED_MS = 24 * 3600_000;
const REMEMBERED_MAX = 20;

/** Reads what was remembered; anything that is not as written is dropped. */
export function parseRemembered(text: string | null, nowMs: number): RememberedUpload[] {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(value)) return [];
  return value.filter((entry): entry is RememberedUpload => isRemembered(entry) && nowMs - entry.savedAtMs < REMEMBERED_MS).slice(-REMEMBERED_MAX);
}

function isRemembered(value: unknown): value is RememberedUpload {
  if (typeof value !== "object" || value === null) return false;
  const entry = value as Record<string, unknown>;
  const texts = ["uploadId", "sha256", "filename"].every((name) => typeof entry[name] === "string");
  return texts && ["sizeBytes", "lastModified", "sentBytes", "savedAtMs"].every((name) => typeof entry[name] === "number");
}
