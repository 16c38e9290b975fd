import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signUploadTicket } from "@flotilla/fleet";
import type { TestDevice } from "./testing/test-device.ts";
import { startTestGateway, testSecrets, type TestGateway } from "./testing/test-gateway.ts";

let gateway: TestGateway;
let device: TestDevice;
const bytes = randomBytes(300_000);
let sha256 = "";
beforeAll(async () => {
  gateway = await startTestGateway();
  device = await gateway.device("downloader");
  ({ sha256 } = await gateway.store.put(bytes));
  await gateway.wish(device, sha256);
});
afterAll(() => gateway.stop());

const get = async (headers: Record<string, string> = {}, method = "GET") => {
  const response = await fetch(`${gateway.url}/device/v1/artifacts/${sha256}`, { method, headers: { authorization: `Bearer ${device.token}`, ...headers } });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
};

test("an artifact comes whole, named by its digest, and may be kept for ever", async () => {
  const { status, headers, body } = await get();
  expect(status).toBe(200);
  expect(body).toEqual(bytes);
  expect(Object.fromEntries(["etag", "accept-ranges", "content-length", "cache-control", "x-content-type-options"].map((name) => [name, headers.get(name)]))).toEqual({
    etag: `"${sha256}"`, "accept-ranges": "bytes", "content-length": "300000", "cache-control": "private, max-age=31536000, immutable", "x-content-type-options": "nosniff",
  });
});

test("a download that broke off goes on from its byte", async () => {
  const rest = await get({ range: "bytes=123456-", "if-range": `"${sha256}"` });
  expect(rest).toMatchObject({ status: 206, body: bytes.subarray(123_456) });
  expect(rest.headers.get("content-range")).toBe("bytes 123456-299999/300000");
  expect((await get({ range: "bytes=0-9" })).body).toEqual(bytes.subarray(0, 10));
  expect((await get({ range: "bytes=123456-", "if-range": '"another"' }))).toMatchObject({ status: 200, body: bytes });
});

test("a range behind the end is 416 with the size, so that a device with a whole file sees that it has it", async () => {
  const answer = await get({ range: "bytes=300000-" });
  expect(answer.status).toBe(416);
  expect(answer.headers.get("content-range")).toBe("bytes */300000");
});

test("HEAD tells the size, If-None-Match saves the bytes", async () => {
  const head = await get({}, "HEAD");
  expect([head.status, head.headers.get("content-length"), head.body.length]).toEqual([200, "300000", 0]);
  expect(await get({ "if-none-match": `"${sha256}"` })).toMatchObject({ status: 304, body: Buffer.alloc(0) });
});

test("without a token there are no bytes, and unknown digests are not found", async () => {
  expect((await fetch(`${gateway.url}/device/v1/artifacts/${sha256}`)).status).toBe(401);
  expect((await get({ authorization: "Bearer x" })).status).toBe(401);
  expect((await device.call(`/device/v1/artifacts/${"0".repeat(64)}`, { headers: { authorization: `Bearer ${device.token}` } })).status).toBe(404);
});

test("a device gets the artifacts of its own builds alone: files, golden set and manifest; others are as if they did not exist", async () => {
  const other = await gateway.device("neighbour");
  const fetchAs = async (who: TestDevice, digest: string) => (await fetch(`${gateway.url}/device/v1/artifacts/${digest}`, { method: "HEAD", headers: { authorization: `Bearer ${who.token}` } })).status;
  expect(await fetchAs(other, sha256)).toBe(404);
  const { sha256: first } = await gateway.store.put(Buffer.from("the first model"));
  const { sha256: second } = await gateway.store.put(Buffer.from("the second model"));
  await gateway.wish(other, first);
  expect([await fetchAs(other, first), await fetchAs(other, second)]).toEqual([200, 404]);
  const { buildId } = await gateway.db.prisma.deviceTarget.findUniqueOrThrow({ where: { deviceId: other.deviceId } });
  const { manifestSha256 } = await gateway.db.prisma.build.findUniqueOrThrow({ where: { id: buildId ?? "" } });
  const isOfOther = async (digest: string) => (await gateway.ports.areArtifactsOfDevices([{ deviceId: other.deviceId, sha256: digest }]))[0];
  expect([await isOfOther(manifestSha256 ?? ""), await isOfOther("9".repeat(64)), await isOfOther(sha256)]).toEqual([true, true, false]);
  await gateway.wish(other, second);
  // The old one is not wished any more and no rollout ever offered it; a download under way goes on all the same.
  expect([await isOfOther(first), await isOfOther(second), await fetchAs(other, first)]).toEqual([false, true, 200]);
});

test("people download with a ticket for that artifact alone, as a file and never as a page", async () => {
  const ticket = signUploadTicket(testSecrets.uploadTicketSecret, { purpose: "download", subject: sha256 }, Date.now());
  const url = (digest: string, text: string): string => `${gateway.url}/artifacts/${digest}?ticket=${text}&filename=${encodeURIComponent('mö"del\r\n.onnx')}`;
  const answer = await fetch(url(sha256, ticket));
  expect(answer.status).toBe(200);
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
  expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="m__del__.onnx"; filename*=UTF-8''m%C3%B6%22del%0D%0A.onnx`);
  expect(answer.headers.get("content-security-policy")).toContain("sandbox");
  expect((await fetch(url("0".repeat(64), ticket))).status).toBe(403);
  expect((await fetch(url(sha256, signUploadTicket(testSecrets.uploadTicketSecret, { purpose: "parts", subject: sha256 }, Date.now())))).status).toBe(403);
  expect((await fetch(`${gateway.url}/artifacts/${sha256}`)).status).toBe(403);
});

test("a device that goes away in the middle of a download leaves nothing open", async () => {
  const leaver = await gateway.device("leaver");
  const big = await gateway.store.put(randomBytes(20 * 1024 * 1024));
  await gateway.wish(leaver, big.sha256);
  for (let i = 0; i < 20; i += 1) {
    const abort = new AbortController();
    const response = await fetch(`${gateway.url}/device/v1/artifacts/${big.sha256}`, { headers: { authorization: `Bearer ${leaver.token}` }, signal: abort.signal });
    await response.body?.getReader().read();
    abort.abort();
  }
  expect((await get()).status).toBe(200);
});
