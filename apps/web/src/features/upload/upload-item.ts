/** Where an upload is. `waiting`: a try failed and is repeated by itself. `needs_file`: begun before a reload; the file must be picked again. */
export type UploadPhase = "needs_file" | "hashing" | "announcing" | "sending" | "waiting" | "completing" | "done" | "failed";

/** One file on its way, as the page shows it. */
export type UploadItem = {
  key: string;
  filename: string;
  sizeBytes: number;
  lastModified: number;
  phase: UploadPhase;
  paused: boolean;
  hashedBytes: number;
  sentBytes: number;
  bytesPerSecond: number | null;
  uploadId: string | null;
  sha256: string | null;
  /** The bytes were in the store already. */
  duplicate: boolean;
  /** Why it waits or failed. */
  problem: string | null;
};

/** Is something being done, or will it be by itself? */
export function isUnderWay(item: UploadItem): boolean {
  return !item.paused && item.phase !== "done" && item.phase !== "failed" && item.phase !== "needs_file";
}

/** How far it is, 0 to 1. Hashing counts apart: it says nothing about what has arrived. */
export function sentShare(item: UploadItem): number {
  if (item.phase === "done") return 1;
  return item.sizeBytes === 0 ? 0 : item.sentBytes / item.sizeBytes;
}

/** Seconds to the end at the present speed; null when that cannot be said. */
export function secondsLeft(item: UploadItem): number | null {
  if (item.phase !== "sending" || item.bytesPerSecond === null || item.bytesPerSecond <= 0) return null;
  return (item.sizeBytes - item.sentBytes) / item.bytesPerSecond;
}
