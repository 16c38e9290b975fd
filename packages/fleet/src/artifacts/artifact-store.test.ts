import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FleetError } from "@flotilla/protocol";
import type { ArtifactStore } from "./artifact-store.ts";
import { directoryStore } from "./directory-store.ts";
import { s3Store } from "./s3-store.ts";
import { startS3Double, type S3Double } from "./testing/s3-double.ts";
import { realS3 } from "./testing/s3-environment.ts";

// What every artifact store promises, asked of each. FLOTILLA_TEST_S3=http://user:secret@host:port/bucket asks a real S3 server as well.

type Subject = {
  name: string;
  /** Parts must be this large where the store says so (S3: 5 MiB for all but the last). */
  partBytes: number;
  open(): Promise<{ store: ArtifactStore; scratch: string; /** Makes what was staged for an upload two days old; null where a test cannot. */ ageStaged: ((uploadId: string) => Promise<void>) | null; leftovers(): Promise<string[]>; close(): Promise<void> }>;
};

let double: S3Double;
beforeAll(async () => {
  double = await startS3Double({ pageSize: 2 });
});
afterAll(() => double.close());

const longAgoMs = Date.now() - 2 * 24 * 3_600_000;

const directory: Subject = {
  name: "a directory",
  partBytes: 1000,
  async open() {
    const root = await mkdtemp(join(tmpdir(), "flotilla-store-"));
    const staging = join(root, "store", "staging");
    return {
      store: directoryStore(join(root, "store")),
      scratch: root,
      ageStaged: (uploadId) => utimes(join(staging, uploadId), longAgoMs / 1000, longAgoMs / 1000),
      leftovers: () => readdir(staging).catch(() => []),
      close: () => rm(root, { recursive: true, force: true }),
    };
  },
};

const s3OnDouble: Subject = {
  name: "S3",
  partBytes: 5 * 1024 * 1024,
  async open() {
    const scratch = await mkdtemp(join(tmpdir(), "flotilla-store-"));
    const prefix = `${randomBytes(4).toString("hex")}/`;
    const store = s3Store({ bucket: double.bucket, prefix, region: double.region, endpoint: double.url, credentials: double.credentials, forcePathStyle: true, downloads: "redirect" });
    return {
      store,
      scratch,
      ageStaged: async (uploadId) => {
        for (const key of double.keys()) if (key.startsWith(`${prefix}staging/${uploadId}/`)) double.age(key, longAgoMs);
      },
      leftovers: async () => [...double.keys().filter((key) => key.startsWith(`${prefix}staging/`)), ...double.openUploads()],
      close: async () => {
        store.close();
        await rm(scratch, { recursive: true, force: true });
      },
    };
  },
};

const real = realS3();
const s3OnServer: Subject = {
  ...s3OnDouble,
  name: "a real S3 server",
  async open() {
    const scratch = await mkdtemp(join(tmpdir(), "flotilla-store-"));
    const store = s3Store({ bucket: "", region: "", ...real, prefix: `${randomBytes(4).toString("hex")}/`, forcePathStyle: true, downloads: "redirect" });
    return {
      store, scratch, ageStaged: null,
      leftovers: async () => [],
      close: async () => {
        store.close();
        await rm(scratch, { recursive: true, force: true });
      },
    };
  },
};

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const refOf = (bytes: Uint8Array) => ({ sha256: sha256Of(bytes), sizeBytes: bytes.length });
const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => "done", (error: unknown) => (error instanceof FleetError ? error.code : String(error)));

describe.each(real === null ? [directory, s3OnDouble] : [directory, s3OnDouble, s3OnServer])("an artifact store in $name", ({ open, partBytes }) => {
  let opened: Awaited<ReturnType<Subject["open"]>>;
  let store: ArtifactStore;
  beforeEach(async () => {
    opened = await open();
    ({ store } = opened);
  });
  afterEach(() => opened.close());

  const stage = (id: string, bytes: Uint8Array, n: number) => {
    const part = bytes.subarray((n - 1) * partBytes, n * partBytes);
    return store.stagePart(id, { offset: (n - 1) * partBytes, sizeBytes: part.length }, Readable.from([part.subarray(0, 7), part.subarray(7)]));
  };
  const stored = async (sha256: string, range?: { start: number; end: number }): Promise<Buffer> => buffer(await store.open(sha256, range));

  test("parts in any order, some of them twice, make the announced file and leave nothing else", async () => {
    const bytes = randomBytes(3 * partBytes + 123);
    await Promise.all([4, 2, 1, 3].map((n) => stage("upl_a", bytes, n)));
    await stage("upl_a", bytes, 2);
    expect(await store.has(sha256Of(bytes))).toBe(false);
    await store.commit("upl_a", refOf(bytes));
    expect((await stored(sha256Of(bytes))).equals(bytes)).toBe(true);
    expect(await store.sizeOf(sha256Of(bytes))).toBe(bytes.length);
    expect(await opened.leftovers()).toEqual([]);
  });

  test("a part that is too short or too long is refused and does not spoil its neighbours", async () => {
    const bytes = randomBytes(partBytes + 500);
    await stage("upl_a", bytes, 1);
    await stage("upl_a", bytes, 2);
    const last = { offset: partBytes, sizeBytes: 500 };
    expect(await codeOf(store.stagePart("upl_a", last, Readable.from([bytes.subarray(0, 500), bytes.subarray(0, 1)])))).toBe("part_invalid");
    expect(await codeOf(store.stagePart("upl_a", last, Readable.from([bytes.subarray(0, 10)])))).toBe("part_invalid");
    await stage("upl_a", bytes, 2);
    await store.commit("upl_a", refOf(bytes));
    expect((await stored(sha256Of(bytes))).equals(bytes)).toBe(true);
  });

  test("a sender that breaks off leaves no part, and its own error is told", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield randomBytes(200_000);
      throw new FleetError("request_timeout", { public: "gone" });
    }
    expect(await codeOf(store.stagePart("upl_a", { offset: 0, sizeBytes: 400_000 }, broken()))).toBe("request_timeout");
    await expect(store.commit("upl_a", { sha256: "0".repeat(64), sizeBytes: 400_000 })).rejects.toMatchObject({ code: "upload_mismatch" });
  });

  test("bytes that are not the announced ones never get a name in the store", async () => {
    const bytes = randomBytes(1000);
    await stage("upl_a", bytes, 1);
    const wrong = { sha256: sha256Of(randomBytes(8)), sizeBytes: 1000 };
    expect(await codeOf(store.commit("upl_a", wrong))).toBe("upload_mismatch");
    expect(await codeOf(store.commit("upl_a", { ...refOf(bytes), sizeBytes: 1001 }))).toBe("upload_mismatch");
    expect(await store.has(wrong.sha256)).toBe(false);
    expect(await store.has(sha256Of(bytes))).toBe(false);
    await store.discard("upl_a");
    await store.discard("upl_a");
    expect(await opened.leftovers()).toEqual([]);
  });

  test("a commit that is repeated after its answer was lost succeeds again, and so does another upload of the same bytes", async () => {
    const bytes = randomBytes(1000);
    await stage("upl_a", bytes, 1);
    await store.commit("upl_a", refOf(bytes));
    await store.commit("upl_a", refOf(bytes));
    await stage("upl_b", bytes, 1);
    await store.commit("upl_b", refOf(bytes));
    expect(await stored(sha256Of(bytes))).toEqual(bytes);
  });

  test("put takes bytes and files, a range gives exactly its bytes, and a copy is a new file", async () => {
    const bytes = randomBytes(2 * 8 * 1024 * 1024 + 77);
    const file = join(opened.scratch, "some-file");
    await writeFile(file, bytes);
    const ref = refOf(bytes);
    expect(await store.put({ file })).toEqual(ref);
    expect(await store.put(bytes)).toEqual(ref);
    const small = randomBytes(100);
    expect(await store.put(small)).toEqual(refOf(small));
    expect(await stored(sha256Of(small))).toEqual(small);
    expect((await stored(ref.sha256)).equals(bytes)).toBe(true);
    expect(await stored(ref.sha256, { start: 10, end: 19 })).toEqual(bytes.subarray(10, 20));
    expect((await stored(ref.sha256, { start: bytes.length - 3, end: bytes.length - 1 }))).toEqual(bytes.subarray(-3));
    const copy = join(opened.scratch, "copy");
    await store.copyTo(ref.sha256, copy);
    expect((await readFile(copy)).equals(bytes)).toBe(true);
    await expect(store.copyTo(ref.sha256, copy)).rejects.toMatchObject({ code: "EEXIST" });
    expect(await store.freeBytes()).toBeGreaterThan(0);
  });

  test("what is not there is said so, and no name leads out of the store", async () => {
    const absent = "0".repeat(64);
    expect(await store.sizeOf(absent)).toBe(null);
    expect(await codeOf(store.open(absent))).toBe("not_found");
    expect(await codeOf(store.copyTo(absent, join(opened.scratch, "nothing")))).toBe("not_found");
    for (const id of ["../x", "upl_../x", "", "upl_A"]) expect(await codeOf(store.discard(id)), id).toBe("bad_request");
    for (const name of ["../../etc/passwd", "A".repeat(64), ""]) expect(await codeOf((async () => store.open(name))()), name).toBe("bad_request");
  });

  test("what a crash left in staging is swept, what is being written is not, and artifacts are never touched", async ({ skip }) => {
    expect(await store.sweep(longAgoMs)).toBe(0);
    if (opened.ageStaged === null) return skip("the ages of objects on a real server cannot be set");
    const bytes = randomBytes(1000);
    await store.put(bytes);
    await stage("upl_old", bytes, 1);
    await stage("upl_new", bytes, 1);
    await opened.ageStaged("upl_old");
    expect(await store.sweep(Date.now() - 3_600_000)).toBe(1);
    expect(await opened.leftovers()).toHaveLength(1);
    await store.commit("upl_new", refOf(bytes));
    expect(await store.has(sha256Of(bytes))).toBe(true);
  });
});
