import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Goal, Technique } from "@flotilla/fleet";
import { openModel } from "@flotilla/runtime";
import { readOnnx, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCandidateOutputSchema } from "../sandbox/evaluation-schemas.ts";
import { sharedFile, sharedModel } from "../testing/shared-models.ts";
import { brightChannels, fragileNet } from "../testing/fragile-net.ts";
import type { MakeContext } from "./maker.ts";
import { makeCandidate } from "./makers.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-mixed-precision-test-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

const goalOf = (goal: Partial<Goal>): Goal => ({ objective: "size", maxAccuracyDropPoints: 1, safeOnEveryCpu: false, ...goal });
const MIXED: Technique = { kind: "mixed_precision", activations: "uint8", reducedRange: false };

function context(changes: Partial<MakeContext> = {}): MakeContext & { lines: string[] } {
  const lines: string[] = [];
  return { examples: brightChannels(16), validation: brightChannels(40), workDir, seed: 1, goal: goalOf({}), measureBudgetMs: 2_000, tell: (line) => lines.push(line), lines, ...changes };
}

async function scores(model: OnnxModel, graphOptimization: "disabled" | "all"): Promise<number[]> {
  const session = await openModel(writeOnnx(model), { graphOptimization });
  const { feeds } = await brightChannels(1).read(0);
  const output = (await session.run(feeds))["scores"];
  await session.close();
  return Array.from(output?.data as Float32Array);
}

test("the layer that integers break stays float and really runs so; what it would cost is told with an interval", async () => {
  const asked = context();
  const { model, ...made } = await makeCandidate(fragileNet(), MIXED, asked);
  expect(makeCandidateOutputSchema.parse({ kind: "made", ...made })).toMatchObject({ kind: "made" });
  const found = made.passes.at(-1);
  expect(found).toMatchObject({ name: "mixed-precision", effect: expect.stringMatching(/1 stay in float for accuracy.*points \(95 %: .* on 40 examples of the validation split/) as string });
  expect(made.warnings).toEqual([expect.stringMatching(/^fragile \(Conv\) stays in float: alone on integers it moves the answers by .* \(95 %: .*, 16 examples\), -?\d+ dB/)]);
  expect(made.fusion?.floatNodes).toEqual(expect.arrayContaining([{ name: "fragile", opType: "Conv", reason: "it costs too much accuracy on integers" }]));
  expect(made.fusion?.floatNodes.map(({ name }) => name)).not.toEqual(expect.arrayContaining(["last"]));
  expect(made.fusion?.conversionNodes).toBeGreaterThan(1);
  expect(asked.lines).toEqual(expect.arrayContaining([expect.stringMatching(/^With 0 nodes in float: .* points lost \(95 %: .*, 40 examples\)\.$/)]));
  const [plain, quick] = [await scores(model, "disabled"), await scores(model, "all")];
  for (const [at, score] of plain.entries()) expect(Math.abs(score - (quick[at] ?? 0))).toBeLessThan(0.01);
  expect(Math.max(...quick) - Math.min(...quick)).toBeGreaterThan(0.2);
});

test("without a validation split the goal is held against the calibration examples, and that is said", async () => {
  const { warnings } = await makeCandidate(fragileNet(), MIXED, context({ validation: { ...brightChannels(1), count: 0 } }));
  expect(warnings).toContain("There is no validation split: the goal was held against the examples that ranges were taken from.");
});

test("a goal that all integers meet needs no search, and one that no split of the work meets is refused with numbers", async () => {
  const easy = context({ goal: goalOf({ maxAccuracyDropPoints: 100 }) });
  await expect(makeCandidate(fragileNet(), MIXED, easy)).rejects.toMatchObject({ reason: "nothing has to stay in float for accuracy: static int8 is the same model" });
  expect(easy.lines.filter((line) => line.startsWith("With"))).toHaveLength(1);
  const tiny = context({ goal: goalOf({ maxSizeBytes: 100 }) });
  await expect(makeCandidate(fragileNet(), MIXED, tiny)).rejects.toMatchObject({ reason: expect.stringMatching(/has \d+ bytes, more than 100$/) as string });
  await expect(makeCandidate(fragileNet(), MIXED, context({ examples: null }))).rejects.toMatchObject({ reason: expect.stringContaining("needs examples") as string });
});

/** MNIST digits as the model was trained on them, a part of one file. */
function digits(split: "train" | "test", count: number) {
  const [images, labels] = ["images.idx3", "labels.idx1"].map((name) => gunzipSync(readFileSync(sharedFile(`data/mnist/${split}-${name}.gz`).path)));
  const pixels = 28 * 28;
  return {
    count,
    read: (index: number) => {
      const data = Float32Array.from(images?.subarray(16 + index * pixels, 16 + (index + 1) * pixels) ?? [], (pixel) => (pixel / 255 - 0.1307) / 0.3081);
      return Promise.resolve({ feeds: { "0": { elementType: "float32" as const, shape: [1, 1, 28, 28], data } }, label: labels?.[8 + index] ?? null, value: null });
    },
  };
}

const cnn = sharedModel("mnist-cnn-pytorch.onnx");
const missing = cnn.missing ?? sharedFile("data/mnist/test-images.idx3.gz").missing;
test(`a real network gets what it asks for, or is told with numbers why not${missing ?? ""}`, { skip: missing !== null }, async () => {
  const real = context({ examples: digits("train", 64), validation: digits("test", 500), goal: goalOf({ objective: "latency", maxAccuracyDropPoints: 0.5 }), measureBudgetMs: 1_000 });
  const outcome = await makeCandidate(readOnnx(readFileSync(cnn.path)), MIXED, real).then(
    ({ model, fusion, passes }) => ({ reason: null, model, fusion, effect: passes.at(-1)?.effect }),
    (error: unknown) => ({ reason: error instanceof Error && "reason" in error ? String(error.reason) : String(error) }),
  );
  if (outcome.reason === null) {
    expect(outcome.effect).toMatch(/of \d+ nodes on integers; .*500 examples of the validation split/);
    expect(outcome.fusion?.integerNodes).toBeGreaterThan(0);
    await (await openModel(writeOnnx(outcome.model))).close();
  } else expect(outcome.reason).toMatch(/^(No node is quicker on integers|nothing has to stay in float|No model with a node on integers)/);
  expect(real.lines).toContain("Timing each node in float and on integers.");
});
