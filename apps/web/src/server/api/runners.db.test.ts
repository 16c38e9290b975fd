import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId, type RunnerTask, type UploadView } from "@flotilla/fleet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { forwardToGateway } from "../forward-to-gateway.ts";
import { startGateway } from "../testing/gateway-process.ts";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";

let web: TestWeb;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-web-runners-"));
  web = await startTestWeb();
  gateway = await startGateway({ DATABASE_URL: web.platform.env.DATABASE_URL, ARTIFACT_STORE: folder, UPLOAD_TICKET_SECRET: web.platform.env.UPLOAD_TICKET_SECRET });
  web.platform.env.GATEWAY_URL = gateway.url;
});
afterAll(async () => {
  await gateway.stop();
  await web.stop();
  await rm(folder, { recursive: true });
});

type Json = Record<string, unknown>;
const forward = (url: string, init: RequestInit): Promise<Response> => forwardToGateway(web.platform, new Request(url, { ...init, duplex: "half" } as RequestInit));

async function readyDataset(): Promise<string> {
  const [datasetId, id] = [newId("dst"), newId("dsv")];
  const counts = { train: 8, calibration: 0, validation: 0, test: 2 };
  await web.db.prisma.dataset.create({ data: { id: datasetId, name: datasetId, createdById: web.people.operator.id } });
  await web.db.prisma.datasetVersion.create({ data: { id, datasetId, number: 1, state: "ready", options: {}, sizeBytes: 10n, createdById: web.people.operator.id, summary: { task: "classification", classes: ["a", "b"], counts } } });
  return id;
}

test("a key that reaches runners only claims a training, reports, sends its model and hands it over; the lease is over then", async () => {
  const key = await web.apiKey("operator", ["runner"]);
  const call = async (path: string, body: object): Promise<{ status: number; body: Json }> => {
    const answer = await web.request("POST", path, { headers: { authorization: `Bearer ${key}` }, body });
    return { status: answer.status, body: (await answer.json()) as Json };
  };
  expect((await call("/runner/claim", { runner: "bench" })).body).toEqual({ task: null });
  const made = await web.as("operator")("POST", "/trainings", { datasetVersionId: await readyDataset(), outside: { script: "train.py" }, modelName: "theirs" });
  expect(made.status).toBe(201);
  const training = (await made.json()) as { id: string; jobId: string };
  const { task } = (await call("/runner/claim", { runner: "bench" })).body as { task: RunnerTask };
  expect(task).toMatchObject({ jobId: training.jobId, training: { id: training.id, recipe: { batchSize: 32 } } });
  const { leaseToken, jobId } = task;
  const job = `/runner/jobs/${jobId}`;
  expect(await call(`${job}/metrics`, { leaseToken, points: [{ name: "train loss", step: 1, value: 2 }] })).toMatchObject({ status: 200, body: { state: "running" } });
  expect(await call(`${job}/logs`, { leaseToken, lines: [{ text: "hello" }] })).toMatchObject({ status: 200 });
  expect(await call(`${job}/heartbeat`, { leaseToken: "another" })).toMatchObject({ status: 409, body: { code: "lease_lost" } });
  expect((await call("/trainings", {})).status).not.toBe(201);

  const bytes = randomBytes(5_000);
  const announced = await call(`${job}/uploads`, { leaseToken, filename: "model.onnx", sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
  const upload = announced.body as unknown as UploadView;
  expect((await forward(`${upload.partUrl}/1`, { method: "PUT", body: new Blob([bytes]).stream() })).status).toBe(200);
  expect(await call(`${job}/uploads/${upload.uploadId}/complete`, { leaseToken })).toMatchObject({ status: 200, body: { state: "complete" } });
  expect(await call(`${job}/finish`, { leaseToken })).toMatchObject({ status: 400 });
  expect(await call(`${job}/finish`, { leaseToken, model: { uploadId: upload.uploadId, epochs: 2 } })).toMatchObject({ status: 200, body: { state: "queued" } });
  expect(await call(`${job}/heartbeat`, { leaseToken })).toMatchObject({ status: 409, body: { code: "lease_lost" } });
  expect(await (await web.as("viewer")("GET", `/jobs/${jobId}/metrics`)).json()).toMatchObject({ items: [{ name: "train loss", step: 1, value: 2 }] });
});
