import type { ClosedWindow } from "./latency-windows.ts";

/** A window as it lies on the disk. `boot` tells whether `startMs` can still be compared with now. */
export type StoredWindow = ClosedWindow & { readonly seq: number; readonly boot: string };

export type BatchLimits = { readonly bodyBytes: number; readonly windows: number; readonly droppedRanges: number };

/** Windows and declared losses that tile (after, last]. */
export type BatchPiece = { readonly windows: StoredWindow[]; readonly dropped: [number, number][]; readonly last: number };

/** The rest of a sync's body: report, class, resources, syntax. */
const REST_OF_BODY_BYTES = 32 * 1024;

/**
 * The piece of the ledger to send: from `after` + 1 on, as far as the limits allow and at most to `through`. `stored` gives windows
 * with rising numbers; what is missing between them counts as dropped.
 */
export async function nextBatch(
  stored: AsyncIterable<StoredWindow> | Iterable<StoredWindow>,
  range: { readonly after: number; readonly through: number; readonly limits: BatchLimits },
): Promise<BatchPiece> {
  const { after, through, limits } = range;
  const windows: StoredWindow[] = [];
  const dropped: [number, number][] = [];
  let last = after;
  let room = limits.bodyBytes - REST_OF_BODY_BYTES;
  for await (const window of stored) {
    if (window.seq <= last) continue;
    if (window.seq > through || windows.length >= limits.windows) return { windows, dropped, last };
    if (window.seq > last + 1) {
      if (dropped.length >= limits.droppedRanges) return { windows, dropped, last };
      dropped.push([last + 1, window.seq - 1]);
      last = window.seq - 1;
    }
    room -= JSON.stringify(window).length;
    if (room < 0 && windows.length > 0) return { windows, dropped, last };
    windows.push(window);
    last = window.seq;
  }
  if (last < through && dropped.length < limits.droppedRanges) {
    dropped.push([last + 1, through]);
    last = through;
  }
  return { windows, dropped, last };
}
