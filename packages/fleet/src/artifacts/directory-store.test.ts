import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FleetError } from "@flotilla/protocol";
import { directoryStore, type DirectoryStore } from "./directory-store.ts";

let root: string;
let store: DirectoryStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "flotilla-store-"));
  store = directoryStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const PART = 1000;
const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const refOf = (bytes: Uint8Array) => ({ sha256: sha256Of(bytes), sizeBytes: bytes.length });
const stage = (id: string, bytes: Uint8Array, n: number) => {
  const part = bytes.subarray((n - 1) * PART, n * PART);
  return store.stagePart(id, { offset: (n - 1) * PART, sizeBytes: part.length }, Readable.from([part.subarray(0, 7), part.subarray(7)]));
};

test("a commit waits for parts that are still being written, so no writer is left on a published file", async () => {
  const bytes = randomBytes(PART);
  const half = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 500);
    await half.promise;
    yield bytes.subarray(500);
  }
  const writing = store.stagePart("upl_a", { offset: 0, sizeBytes: PART }, slow());
  const order: string[] = [];
  const committing = store.commit("upl_a", refOf(bytes)).then(() => order.push("committed"));
  void writing.then(() => order.push("written"));
  half.resolve();
  await Promise.all([writing, committing]);
  expect(order).toEqual(["written", "committed"]);
});

test("an artifact is a file under its digest, and a put leaves nothing else behind", async () => {
  const bytes = randomBytes(5000);
  const file = join(root, "some-file");
  await writeFile(file, bytes);
  expect(await store.put({ file })).toEqual(refOf(bytes));
  expect(await readFile(store.pathOf(sha256Of(bytes)))).toEqual(bytes);
  expect(await readdir(join(root, "staging"))).toEqual([]);
});

test("what a crash left in staging is swept, what is being written is not, and artifacts are never touched", async () => {
  expect(await store.sweep(Date.now())).toBe(0);
  const bytes = randomBytes(PART);
  await store.put(bytes);
  await stage("upl_old", bytes, 1);
  await stage("upl_new", bytes, 1);
  await utimes(join(root, "staging", "upl_old"), 1000, 1000);
  expect(await store.sweep(Date.now() - 3_600_000)).toBe(1);
  expect(await readdir(join(root, "staging"))).toEqual(["upl_new"]);
  expect(await store.has(sha256Of(bytes))).toBe(true);
});

test("no name can lead out of the store", () => {
  for (const name of ["../../etc/passwd", `${"a".repeat(62)}/.`, "A".repeat(64), ""]) expect(() => store.pathOf(name)).toThrow(FleetError);
});
