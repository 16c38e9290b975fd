import type { JobLogLine } from "@flotilla/fleet";

/** As many lines stay in the page; the older ones are still on the server. */
export const LINES_KEPT = 5_000;

/** Adds what came after the last known line. Lines that are known already, or come twice, count once. */
export function appendLines(known: readonly JobLogLine[], more: readonly JobLogLine[]): readonly JobLogLine[] {
  const last = known.at(-1)?.seq ?? 0;
  const fresh = more.filter((line) => line.seq > last);
  return fresh.length === 0 ? known : [...known, ...fresh].slice(-LINES_KEPT);
}

/** Whether the reader is at the end, so that new lines should pull the view along. */
export function isAtEnd(box: { scrollTop: number; clientHeight: number; scrollHeight: number }): boolean {
  return box.scrollHeight - box.scrollTop - box.clientHeight < 24;
}
