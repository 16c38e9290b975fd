import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { artifactStoreSettings, createArtifactBucket, openArtifactStore } from "./open-store.ts";
import { s3Store, type S3Store, type S3StoreOptions } from "./s3-store.ts";
import { startS3Double, type S3Double } from "./testing/s3-double.ts";
import { setAwsCredentials } from "./testing/s3-environment.ts";

// What only an object store has: signatures, links, multipart uploads that a crash leaves open, a server that fails.

let double: S3Double;
let store: S3Store;
const stores: S3Store[] = [];
beforeAll(async () => {
  double = await startS3Double();
});
afterAll(async () => {
  for (const opened of stores) opened.close();
  await double.close();
});
beforeEach(() => {
  double.fault = null;
  double.before = null;
  double.calls.length = 0;
  store = open();
});

function open(more: Partial<S3StoreOptions> = {}): S3Store {
  const opened = s3Store({ bucket: double.bucket, prefix: `${randomBytes(4).toString("hex")}/`, region: double.region, endpoint: double.url, credentials: double.credentials, forcePathStyle: true, downloads: "redirect", ...more });
  stores.push(opened);
  return opened;
}

const PART = 5 * 1024 * 1024;
const refOf = (bytes: Uint8Array) => ({ sha256: createHash("sha256").update(bytes).digest("hex"), sizeBytes: bytes.length });
const stage = (to: S3Store, id: string, bytes: Uint8Array, n: number) => {
  const part = bytes.subarray((n - 1) * PART, n * PART);
  return to.stagePart(id, { offset: (n - 1) * PART, sizeBytes: part.length }, Readable.from([part]));
};

test("a link gives the bytes, and any range of them, to whoever holds it and for this artifact alone", async () => {
  const bytes = randomBytes(1000);
  const { sha256 } = await store.put(bytes);
  const url = (await store.linkTo(sha256)) ?? "";
  const whole = await fetch(url);
  expect([whole.status, whole.headers.get("content-type"), whole.headers.get("cache-control")]).toEqual([200, "application/octet-stream", "private, no-store"]);
  expect(Buffer.from(await whole.arrayBuffer())).toEqual(bytes);
  const rest = await fetch(url, { headers: { range: "bytes=900-" } });
  expect([rest.status, rest.headers.get("content-range")]).toEqual([206, "bytes 900-999/1000"]);
  expect(Buffer.from(await rest.arrayBuffer())).toEqual(bytes.subarray(900));
  expect((await fetch(url, { headers: { range: "bytes=1000-" } })).status).toBe(416);
  const other = refOf(randomBytes(10)).sha256;
  expect((await fetch(url.replaceAll(sha256, other))).status).toBe(403);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
  expect((await fetch(url.replace(/X-Amz-Expires=\d+/, "X-Amz-Expires=600000"))).status).toBe(403);
  await expect(store.linkTo(other)).rejects.toMatchObject({ code: "not_found" });
});

test("a herd of devices costs the store one look and one signature", async () => {
  const { sha256 } = await store.put(randomBytes(10));
  double.calls.length = 0;
  const first = await store.linkTo(sha256);
  const more = await Promise.all(Array.from({ length: 100 }, () => store.linkTo(sha256)));
  expect(new Set([first, ...more]).size).toBe(1);
  expect(double.calls).toHaveLength(1);
});

test("links name the address by which devices reach the store, and there are none where bytes go through the gateway", async () => {
  const prefix = "linked/";
  const { sha256 } = await open({ prefix }).put(randomBytes(10));
  expect(await open({ prefix, publicEndpoint: "https://models.example.org" }).linkTo(sha256)).toMatch(/^https:\/\/models\.example\.org\/artifacts\/linked\/sha256\//);
  expect(await open({ prefix, downloads: "stream" }).linkTo(sha256)).toBe(null);
});

test("parts that came through different gateways are committed by a third one, without a byte of the artifact passing it twice", async () => {
  const prefix = "three/";
  const [a, b, c] = [open({ prefix }), open({ prefix }), open({ prefix })];
  const bytes = randomBytes(2 * PART + 1);
  await Promise.all([stage(a, "upl_x", bytes, 1), stage(b, "upl_x", bytes, 2), stage(c, "upl_x", bytes, 3), stage(b, "upl_x", bytes, 1)]);
  double.calls.length = 0;
  await c.commit("upl_x", refOf(bytes));
  expect(double.calls.filter((call) => call.startsWith("GET three/staging/"))).toHaveLength(3);
  expect(double.calls.filter((call) => call.includes("PUT three/sha256/"))).toHaveLength(3);
  expect(await a.sizeOf(refOf(bytes).sha256)).toBe(bytes.length);
  await Promise.all([a.commit("upl_x", refOf(bytes)), b.commit("upl_x", refOf(bytes))]);
});

test("a part that is sent again between the check and the artifact is not put into it unchecked", async () => {
  const bytes = randomBytes(2 * PART);
  await stage(store, "upl_x", bytes, 1);
  await stage(store, "upl_x", bytes, 2);
  const { sha256 } = refOf(bytes);
  // The multipart upload of the artifact begins after everything was hashed: that is when another gateway writes.
  double.before = async (call) => {
    if (call.includes(`${sha256}?uploads`)) await stage(store, "upl_x", randomBytes(2 * PART), 2);
  };
  await expect(store.commit("upl_x", refOf(bytes))).rejects.toMatchObject({ code: "version_mismatch" });
  expect(await store.has(sha256)).toBe(false);
  expect(double.openUploads()).toEqual([]);
});

test("an artifact that cannot be put together leaves no multipart upload open; one that a crash left is swept", async () => {
  const bytes = randomBytes(2 * PART);
  await stage(store, "upl_x", bytes, 1);
  await stage(store, "upl_x", bytes, 2);
  double.fault = { times: 100, match: (call) => call.includes("partNumber") && call.includes("sha256/"), answer: { status: 403, code: "AccessDenied" } };
  await expect(store.commit("upl_x", refOf(bytes))).rejects.toMatchObject({ code: "unavailable" });
  expect(double.openUploads()).toEqual([]);
  // A process that dies cannot clean up: neither does one whose every later call is refused.
  double.fault = { times: 100, match: (call) => call.includes("partNumber") || call.startsWith("DELETE"), answer: { status: 403, code: "AccessDenied" } };
  await expect(store.commit("upl_x", refOf(bytes))).rejects.toMatchObject({ code: "unavailable" });
  double.fault = null;
  const [left = ""] = double.openUploads();
  expect(left).toContain(refOf(bytes).sha256);
  expect(await store.sweep(Date.now() - 60_000)).toBe(0);
  double.age(left, Date.now() - 120_000);
  expect(await store.sweep(Date.now() - 60_000)).toBe(1);
  expect(double.openUploads()).toEqual([]);
  await store.commit("upl_x", refOf(bytes));
  expect(await store.has(refOf(bytes).sha256)).toBe(true);
});

test("hiccups of the store are ridden out; one that is away is said to be away, not that the artifact is missing", async () => {
  const bytes = randomBytes(10);
  double.fault = { times: 2, match: () => true, answer: { status: 500, code: "InternalError" } };
  const { sha256 } = await store.put(bytes);
  double.fault = { times: 1, match: () => true, answer: "broken" };
  expect(await store.has(sha256)).toBe(true);
  double.fault = { times: 100, match: () => true, answer: { status: 403, code: "AccessDenied" } };
  await expect(store.open(sha256)).rejects.toMatchObject({ code: "unavailable", extra: { retryAfterMs: 2_000 } });
  await expect(store.sizeOf(sha256)).rejects.toMatchObject({ code: "unavailable" });
  const nowhere = open({ endpoint: "http://127.0.0.1:1" });
  await expect(nowhere.freeBytes()).rejects.toMatchObject({ code: "unavailable" });
  await expect(open({ bucket: "another" }).freeBytes()).rejects.toMatchObject({ code: "unavailable" });
});

test("requests that are not signed with the right secret get nothing", async () => {
  const { sha256 } = await store.put(randomBytes(10));
  const thief = open({ credentials: { ...double.credentials, secretAccessKey: "wrong" } });
  await expect(thief.open(sha256)).rejects.toMatchObject({ code: "unavailable", internal: expect.stringContaining("403 SignatureDoesNotMatch") });
  await expect(thief.put(randomBytes(3))).rejects.toMatchObject({ code: "unavailable", internal: expect.stringContaining("403") });
  const key = double.keys().find((name) => name.includes(sha256));
  expect((await fetch(`${double.url}/${double.bucket}/${key}`)).status).toBe(403);
});

test("a bucket is made where there is none, and left alone where there is one", async () => {
  const own = await startS3Double({ bucket: "" });
  setAwsCredentials(own.credentials);
  try {
    const settings = z.object(artifactStoreSettings).parse({ ARTIFACT_STORE: "s3://fresh/x", S3_ENDPOINT: own.url, S3_REGION: own.region, S3_FORCE_PATH_STYLE: "true" });
    expect(await createArtifactBucket(settings)).toBe("created");
    const opened = await openArtifactStore(settings);
    const { sha256 } = await opened.put(randomBytes(5));
    expect(await createArtifactBucket(settings)).toBe("exists");
    expect(await opened.has(sha256)).toBe(true);
  } finally {
    await own.close();
  }
});

test("the setting names a directory or a bucket, and nonsense is refused at boot", async () => {
  const schema = z.object(artifactStoreSettings);
  const of = (ARTIFACT_STORE: string) => schema.safeParse({ ARTIFACT_STORE });
  expect(of("/var/lib/flotilla").success).toBe(true);
  for (const good of ["s3://models", "s3://models/eu/prod", "s3://my.models/x/"]) expect(of(good).success, good).toBe(true);
  for (const bad of ["", "s3://", "s3:models", "s3://M", "s3://models/ü"]) expect(of(bad).success, bad).toBe(false);
  const settings = schema.parse({ ARTIFACT_STORE: `s3://${double.bucket}/opened/`, S3_ENDPOINT: double.url, S3_REGION: double.region, S3_FORCE_PATH_STYLE: "true" });
  setAwsCredentials(double.credentials);
  const opened = await openArtifactStore(settings);
  const { sha256 } = await opened.put(randomBytes(5));
  expect(double.keys()).toContain(`opened/sha256/${sha256.slice(0, 2)}/${sha256}`);
});
