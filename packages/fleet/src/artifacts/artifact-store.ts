import type { Readable } from "node:stream";
import type { ArtifactRef } from "@flotilla/protocol";

/** A piece of an upload: where it lies in the file and how long it must be. */
export type PartPlace = { offset: number; sizeBytes: number };

/**
 * Where bytes lie, by their SHA-256. Nothing here knows the database. Bytes under a digest never change; a crash at
 * any point leaves either the whole artifact or none.
 */
export type ArtifactStore = {
  /**
   * Writes one part at its place into the upload's staging area, without holding it in memory. Sending the same part
   * again is allowed. Throws `part_invalid` when the stream is shorter or longer than the place.
   */
  stagePart(uploadId: string, place: PartPlace, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Re-reads what was staged, compares size and digest and makes it the artifact. Throws `upload_mismatch` (the staged
   * bytes stay for `discard`). Committing twice, or bytes that are in the store already, is not an error.
   */
  commit(uploadId: string, expected: ArtifactRef): Promise<void>;
  /** Deletes what was staged for an upload; nothing happens when there is nothing. */
  discard(uploadId: string): Promise<void>;
  /** Deletes staged files that were last written before `beforeMs` (Unix ms): leftovers of a crash. Answers how many. */
  sweep(beforeMs: number): Promise<number>;
  /** Size of an artifact in bytes; null when it is not in the store. */
  sizeOf(sha256: string): Promise<number | null>;
  has(sha256: string): Promise<boolean>;
  /** The artifact's bytes from `start` to `end`, both included; all of them unless told. Rejects with `not_found`. */
  open(sha256: string, range?: { start: number; end: number }): Promise<Readable>;
  /** Puts bytes, or a copy of a file, into the store and answers their name. */
  put(source: Uint8Array | { file: string }): Promise<ArtifactRef>;
  /** Writes a copy of the artifact into a new file, for programs that open files by name. Rejects with `not_found`, or EEXIST when the file is there. */
  copyTo(sha256: string, path: string): Promise<void>;
  /**
   * A URL under which whoever holds it may GET the artifact, whole or by range, for some minutes. Null when bytes come
   * through the gateway only. Rejects with `not_found`.
   */
  linkTo(sha256: string): Promise<string | null>;
  /** Bytes that may still be written; rejects when the store cannot be reached. */
  freeBytes(): Promise<number>;
};
