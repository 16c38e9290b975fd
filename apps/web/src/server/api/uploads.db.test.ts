import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { UploadView } from "@flotilla/fleet";
import { forwardToGateway } from "../forward-to-gateway.ts";
import { startGateway } from "../testing/gateway-process.ts";
import { ORIGIN, startTestWeb, type TestWeb } from "../testing/test-web.ts";

let web: TestWeb;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-web-uploads-"));
  web = await startTestWeb();
  gateway = await startGateway({ DATABASE_URL: web.platform.env.DATABASE_URL, ARTIFACT_STORE: folder, UPLOAD_TICKET_SECRET: web.platform.env.UPLOAD_TICKET_SECRET });
  web.platform.env.GATEWAY_URL = gateway.url;
});
afterAll(async () => {
  await gateway.stop();
  await web.stop();
  await rm(folder, { recursive: true });
});

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const forward = (url: string, init: RequestInit = {}): Promise<Response> => forwardToGateway(web.platform, new Request(url, { ...init, ...(init.body != null && { duplex: "half" }) } as RequestInit));
async function announce(bytes: Uint8Array, sha256 = digestOf(bytes)): Promise<UploadView> {
  const answer = await web.as("operator")("POST", "/uploads", { filename: "m.onnx", sizeBytes: bytes.length, sha256 });
  expect(answer.status).toBe(201);
  return (await answer.json()) as UploadView;
}
const complete = (id: string) => web.as("operator")("POST", `/uploads/${id}/complete`, {});
function put(upload: UploadView, n: number, bytes: Uint8Array): Promise<Response> {
  const part = bytes.subarray((n - 1) * upload.partSizeBytes, n * upload.partSizeBytes);
  return forward(`${upload.partUrl}/${n}`, { method: "PUT", body: new Blob([new Uint8Array(part)]).stream() });
}

test("parts pass through web unharmed, and what comes out is what went in", async () => {
  const bytes = randomBytes(8 * 1024 * 1024 + 12_345);
  const upload = await announce(bytes);
  expect(upload).toMatchObject({ partCount: 2, state: "open" });
  expect(upload.partUrl).toMatch(/^http:\/\/flotilla\.test\/artifacts\/parts\//);
  expect((await put(upload, 1, bytes)).status).toBe(200);
  const early = await complete(upload.uploadId);
  expect(await early.json()).toMatchObject({ code: "upload_incomplete", status: 409, missingParts: [2] });
  expect((await put(upload, 2, bytes)).status).toBe(200);
  expect(await (await complete(upload.uploadId)).json()).toMatchObject({ state: "complete", partUrl: null });
  expect(await (await complete(upload.uploadId)).json()).toMatchObject({ state: "complete" });
  expect(await announce(bytes)).toMatchObject({ state: "complete", duplicate: true });
});

test("a file that changed on its way is refused with the gateway's reason", async () => {
  const bytes = randomBytes(1000);
  const upload = await announce(bytes, digestOf(randomBytes(8)));
  await put(upload, 1, bytes);
  const answer = await complete(upload.uploadId);
  expect(answer.status).toBe(422);
  expect(await answer.json()).toMatchObject({ code: "upload_mismatch", detail: expect.stringContaining("SHA-256") });
});

test("the file of a version can be fetched by a link, and only as an attachment", async () => {
  const bytes = randomBytes(5000);
  const upload = await announce(bytes);
  await put(upload, 1, bytes);
  await complete(upload.uploadId);
  const model = (await (await web.as("operator")("POST", "/models", { name: "fetched" })).json()) as { id: string };
  const version = (await (await web.as("operator")("POST", `/models/${model.id}/versions`, { uploadId: upload.uploadId })).json()) as { id: string };
  const { url } = (await (await web.as("viewer")("GET", `/versions/${version.id}/files/${digestOf(bytes)}`)).json()) as { url: string };
  const answer = await forward(url);
  expect(answer.headers.get("content-disposition")).toContain("attachment");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(digestOf(new Uint8Array(await answer.arrayBuffer()))).toBe(digestOf(bytes));
  expect((await web.as("viewer")("GET", `/versions/${version.id}/files/${"0".repeat(64)}`)).status).toBe(404);
});

test("nothing else of the gateway is reachable through web", async () => {
  const upload = await announce(randomBytes(10));
  for (const [method, path] of [
    ["POST", "/artifacts/uploads/x/commit"],
    ["PUT", "/artifacts/parts/../../device/v1/sync"],
    ["GET", `/artifacts/parts/${upload.uploadId}/1`],
    ["PUT", `/artifacts/${"0".repeat(64)}`],
    ["GET", "/artifacts/..%2fhealth"],
    ["DELETE", `/artifacts/parts/${upload.uploadId}/1`],
  ] as const) {
    expect((await forward(`${ORIGIN}${path}`, { method, ...(method !== "GET" && { body: "x" }) })).status, `${method} ${path}`).toBe(404);
  }
  expect((await forward(`${ORIGIN}/artifacts/parts/forged.ticket.of.nobody.x/1`, { method: "PUT", body: "x" })).status).toBe(403);
});

test("the session cookie does not travel on to the gateway, and none comes back", async () => {
  const upload = await announce(randomBytes(10));
  const answer = await forward(`${upload.partUrl}/1`, { method: "PUT", body: randomBytes(10), headers: { cookie: web.people.admin.cookie, authorization: "Bearer x" } });
  expect(answer.status).toBe(200);
  expect([...answer.headers.keys()]).not.toContain("set-cookie");
});

test("a gateway that is down is told as such, and the same call works when it is back", async () => {
  const bytes = randomBytes(100);
  const upload = await announce(bytes);
  await put(upload, 1, bytes);
  web.platform.env.GATEWAY_URL = "http://127.0.0.1:9";
  const down = await complete(upload.uploadId);
  expect([down.status, ((await down.json()) as { code: string }).code]).toEqual([503, "unavailable"]);
  expect((await put(upload, 1, bytes)).status).toBe(503);
  web.platform.env.GATEWAY_URL = gateway.url;
  expect((await complete(upload.uploadId)).status).toBe(200);
});
