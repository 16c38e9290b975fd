import { createHash } from "node:crypto";
import { TrainingRefusal } from "../training-refusal.ts";

/** What of a training is words and numbers: see `TrainingState`. */
export type CheckpointFacts = { readonly [key: string]: unknown };

export type Checkpoint = { readonly facts: CheckpointFacts; readonly vectors: ReadonlyMap<string, Float32Array> };

const MAGIC = "flotilla training 1\n";
const DIGEST_BYTES = 32;

/** One string of bytes: what it is, length of the facts, facts as JSON, vectors as little-endian floats, SHA-256 of all before it. */
export function writeCheckpoint({ facts, vectors }: Checkpoint): Uint8Array {
  const list = [...vectors].map(([name, values]) => ({ name, length: values.length }));
  const head = Buffer.from(JSON.stringify({ facts, vectors: list }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const body = Buffer.concat([Buffer.from(MAGIC), length, head, ...[...vectors.values()].map((values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength))]);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

/** Throws TrainingRefusal `checkpoint_unreadable` for anything that is not whole. */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const unreadable = (why: string): TrainingRefusal => new TrainingRefusal("checkpoint_unreadable", `The checkpoint cannot be read: ${why}.`);
  const body = all.subarray(0, Math.max(0, all.length - DIGEST_BYTES));
  if (!body.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC))) throw unreadable("it is not one of this version");
  if (!createHash("sha256").update(body).digest().equals(all.subarray(body.length))) throw unreadable("its bytes are not those that were written");
  const headBytes = body.readUInt32LE(MAGIC.length);
  const from = MAGIC.length + 4;
  const head = JSON.parse(body.toString("utf8", from, from + headBytes)) as { facts: CheckpointFacts; vectors: { name: string; length: number }[] };
  let offset = from + headBytes;
  const vectors = new Map(head.vectors.map(({ name, length }) => {
    const values = new Float32Array(length);
    Buffer.from(values.buffer).set(body.subarray(offset, offset + 4 * length));
    offset += 4 * length;
    return [name, values] as const;
  }));
  return { facts: head.facts, vectors };
}
