import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Technique } from "@flotilla/fleet";
import { readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { makeCandidateOutputSchema } from "../sandbox/evaluation-schemas.ts";
import { brightChannels, fragileNet } from "../testing/fragile-net.ts";
import { sharedFile, sharedModel } from "../testing/shared-models.ts";
import type { MakeContext } from "./maker.ts";
import { makeCandidate } from "./makers.ts";

const COMPENSATED: Technique = { kind: "weight_blocks", bits: 4, blockSize: 32, symmetric: true, rounding: "compensated" };
const context = (examples: MakeContext["examples"]): MakeContext => ({ examples, validation: null, workDir: "/nowhere", seed: 1, goal: { objective: "size", maxAccuracyDropPoints: 1, safeOnEveryCpu: false }, measureBudgetMs: 100, tell: () => undefined });

test("rounding that looks at outputs is refused without examples, and where there is no large matrix", async () => {
  await expect(makeCandidate(fragileNet(), COMPENSATED, context(null))).rejects.toMatchObject({ reason: expect.stringContaining("at least two examples") as string });
  await expect(makeCandidate(fragileNet(), COMPENSATED, context(brightChannels(4)))).rejects.toMatchObject({ reason: expect.stringContaining("large enough") as string });
});

const cnn = sharedModel("mnist-cnn-pytorch.onnx");
const digits = sharedFile("data/mnist/train-images.idx3.gz");
const missing = cnn.missing ?? digits.missing;
test(`a real network's products keep their outputs better than with rounding to the nearest, in as many bytes${missing ?? ""}`, { skip: missing !== null }, async () => {
  const images = gunzipSync(readFileSync(digits.path));
  const examples = {
    count: 100,
    read: (index: number) => {
      const data = Float32Array.from(images.subarray(16 + index * 784, 16 + (index + 1) * 784), (pixel) => (pixel / 255 - 0.1307) / 0.3081);
      return Promise.resolve({ feeds: { "0": { elementType: "float32" as const, shape: [1, 1, 28, 28], data } }, label: null, value: null });
    },
  };
  const model = readOnnx(readFileSync(cnn.path));
  const { model: compensated, ...made } = await makeCandidate(model, COMPENSATED, context(examples));
  expect(makeCandidateOutputSchema.parse({ kind: "made", ...made })).toMatchObject({ kind: "made" });
  const percent = Number(/1 of 1 products keep their outputs better, with (\d+) %/.exec(made.passes.at(-1)?.effect ?? "")?.[1]);
  expect(percent).toBeLessThan(50);
  const { model: nearest } = await makeCandidate(model, { ...COMPENSATED, rounding: "nearest" }, context(null));
  expect(writeOnnx(compensated).byteLength).toBe(writeOnnx(nearest).byteLength);
});

test.skipIf(cnn.missing !== null)(`each kind of grid makes another model of as many bytes, and a recipe without one is rounded to the nearest${cnn.missing ?? ""}`, async () => {
  const model = readOnnx(readFileSync(cnn.path));
  const made = async (technique: Technique) => writeOnnx((await makeCandidate(model, technique, context(null))).model);
  const [nearest, leastSquares, halfQuadratic] = await Promise.all((["nearest", "least_squares", "half_quadratic"] as const).map((rounding) => made({ ...COMPENSATED, symmetric: false, rounding })));
  expect(new Set([nearest, leastSquares, halfQuadratic].map((bytes) => Buffer.from(bytes ?? []).toString("base64"))).size).toBe(3);
  expect([leastSquares?.byteLength, halfQuadratic?.byteLength]).toEqual([nearest?.byteLength, nearest?.byteLength]);
  const { rounding: _, ...old } = { ...COMPENSATED, symmetric: false };
  expect(Buffer.compare(await made(old as Technique), nearest ?? new Uint8Array())).toBe(0);
});
