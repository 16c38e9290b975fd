import { request } from "node:http";
import { problemSchema } from "@flotilla/protocol";
import { beforeEach, expect, test } from "vitest";
import { benchForEachTest } from "../testing/bench.ts";
import { targetFor } from "../testing/build-on-peer.ts";
import type { Agent } from "./agent.ts";

const bench = benchForEachTest();
let agent: Agent;

beforeEach(async () => {
  agent = await bench.start({ settings: { inferPort: 0, inferenceIntervalMs: 0, probation: { inferences: 1, ms: 50 } } });
});

async function withModel(): Promise<void> {
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await bench.peer.until("the model runs", () => agent.status().model?.live);
}

async function post(body: string, headers: Record<string, string> = { "content-type": "application/json" }): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await fetch(agent.inferUrl ?? "", { method: "POST", headers, body });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

const image = (data: unknown[], shape = [1, 1, 28, 28]): string => JSON.stringify({ inputs: { image: { shape, data } } });
const zeros: number[] = Array.from({ length: 784 }, () => 0);

test("a good request is answered with the model's outputs, its build and the time it took", async () => {
  await withModel();
  const { status, json } = await post(image(zeros));
  expect(status).toBe(200);
  expect(json).toMatchObject({ model: "digit-reader", buildId: "build-a", versionId: "version-of-a", outputs: { scores: { shape: [1, 10] } } });
  const scores = (json.outputs as { scores: { data: number[] } }).scores.data;
  expect(scores.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 4);
  expect(json.latencyMs).toBeGreaterThan(0);
});

test("a free dimension takes what the caller sends: a batch of three gives three answers", async () => {
  await withModel();
  const { status, json } = await post(image([...zeros, ...zeros, ...zeros], [3, 1, 28, 28]));
  expect(status).toBe(200);
  expect(json).toMatchObject({ outputs: { scores: { shape: [3, 10] } } });
});

test("requests that do not fit the model are refused with a problem that names the fault, and do not hurt the model", async () => {
  await withModel();
  const bad: [string, RegExp][] = [
    ["not json", /not JSON/],
    ["{}", /inputs/],
    [JSON.stringify({ inputs: {} }), /"image" is missing/],
    [JSON.stringify({ inputs: { picture: { shape: [1], data: [0] } } }), /no input "picture"/],
    [image(zeros, [1, 28, 28]), /shape \[batch, 1, 28, 28\], not \[1, 28, 28\]/],
    [image(zeros.slice(1)), /takes 784 values, 783 were given/],
    [image([...zeros.slice(1), "7"]), /value 783 is not a number/],
    [image([...zeros.slice(1), null]), /a value is a number.*data\[783\]/s],
    [JSON.stringify({ inputs: { image: { shape: [1, 1, 28, 28], data: zeros, type: "float32" } } }), /type/],
    [JSON.stringify({ inputs: { __proto__: 1, image: { shape: [-1, 1, 28, 28], data: [] } } }), /shape/],
  ];
  for (const [body, words] of bad) {
    const { status, json } = await post(body);
    expect(status, body.slice(0, 60)).toBe(400);
    expect(problemSchema.parse(json).detail).toMatch(words);
  }
  expect((await post(image(zeros))).status).toBe(200);
  expect(agent.status().model).toMatchObject({ live: true, errors: 0, crashes: 0 });
});

test("other types, other paths and bodies beyond the limit are refused by their own codes", async () => {
  await withModel();
  expect((await post(image(zeros), { "content-type": "text/plain" })).json).toMatchObject({ status: 415, code: "unsupported_media_type" });
  const wrongPath = await fetch(new URL("/other", agent.inferUrl ?? ""));
  expect(await wrongPath.json()).toMatchObject({ status: 404, code: "not_found" });
  const big = await fetch(agent.inferUrl ?? "", { method: "POST", headers: { "content-type": "application/json" }, body: Buffer.alloc(33 * 2 ** 20, 0x20) }).then(
    (answer) => answer.status,
    () => 413, // the connection was cut while the body was still being sent
  );
  expect(big).toBe(413);
  expect((await post(image(zeros))).status).toBe(200);
});

test("pages in a browser are refused: foreign host names and anything with an Origin", async () => {
  await withModel();
  expect((await post(image(zeros), { "content-type": "application/json", origin: "https://evil.example" })).status).toBe(403);
  const { port } = new URL(agent.inferUrl ?? "");
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, path: "/status", headers: { host: "evil.example" } }, (answer) => resolve(answer.resume().statusCode));
    call.on("error", reject).end();
  });
  expect(status).toBe(403);
});

test("without a model the answer is 503, and the status page still tells how the device stands", async () => {
  await bench.device();
  expect((await post(image(zeros))).json).toMatchObject({ status: 503, code: "unavailable" });
  const status = await fetch(new URL("/status", agent.inferUrl ?? ""));
  expect(await status.json()).toMatchObject({ name: "bench-1", standing: "enrolled", model: null, targetVersion: 0 });
});
