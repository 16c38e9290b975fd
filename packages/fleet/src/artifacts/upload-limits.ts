/** Size of every part but the last: small enough to send again, large enough that a 2 GiB file has 256 of them. */
export const UPLOAD_PART_BYTES = 8 * 1024 * 1024;

/** Largest file that may be uploaded. */
export const UPLOAD_MAX_BYTES = 2 * 1024 ** 3;

/** Uploads that one person may have open at once: a model in the largest set of files, and as much again. */
export const UPLOAD_MAX_OPEN = 128;
/** Announced bytes of all open uploads of one person. */
export const UPLOAD_MAX_OPEN_BYTES = 16 * 1024 ** 3;

/** An upload that nobody finished is given up after this time, and its staged bytes are deleted. */
export const UPLOAD_TTL_MS = 24 * 3600 * 1000;

/** The store keeps this much of its disk free: the database or the system may lie on the same one. */
export const STORE_RESERVE_BYTES = 512 * 1024 * 1024;

/** How many parts a file has. */
export function partCountOf(sizeBytes: number, partSizeBytes: number): number {
  return Math.ceil(sizeBytes / partSizeBytes);
}

/** Where part `n` (from 1) lies and how long it is; null when the file has no such part. */
export function partPlaceOf(sizeBytes: number, partSizeBytes: number, n: number): { offset: number; sizeBytes: number } | null {
  if (!Number.isInteger(n) || n < 1 || n > partCountOf(sizeBytes, partSizeBytes)) return null;
  const offset = (n - 1) * partSizeBytes;
  return { offset, sizeBytes: Math.min(partSizeBytes, sizeBytes - offset) };
}
