import { seededRandom } from "@flotilla/runtime";
import { elementCount, floats, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { DEFAULT_RECIPE, type TrainingRecipe } from "../recipe.ts";
import { train, type TrainingResult } from "./train.ts";
import type { TrainingSource } from "./training-source.ts";

const [VALUES, HIDDEN, CLASSES] = [4, 16, 2];

/** Two dense layers; between them BatchNormalization and Dropout, which do one thing in training and another after it. */
function network(): OnnxModel {
  const builder = new GraphBuilder("dropping");
  const random = seededRandom(1);
  const weights = (name: string, dims: readonly number[], make = () => random() - 0.5): string =>
    builder.initializer(floats(name, dims, Float32Array.from({ length: elementCount(dims) }, make)));
  const batch = float32([1, HIDDEN]);
  builder.input("x", float32([1, VALUES]));
  const first = builder.emit("MatMul", ["x", weights("first", [VALUES, HIDDEN])], batch);
  const normed = builder.emit("BatchNormalization", [first, weights("scale", [HIDDEN], () => 1), weights("shift", [HIDDEN], () => 0), weights("mean", [HIDDEN], () => 0), weights("variance", [HIDDEN], () => 1)], batch);
  const [kept = ""] = builder.emitAll("Dropout", [builder.emit("Relu", [normed], batch), builder.scalar(0.5)], [batch]);
  builder.output(builder.emit("MatMul", [kept, weights("last", [HIDDEN, CLASSES])], float32([1, CLASSES])), "y");
  const model = builder.toModel();
  for (const { type } of [...model.graph.inputs, ...model.graph.outputs]) if (type?.kind === "tensor" && type.shape !== null) type.shape[0] = { kind: "param", param: "batch", denotation: "" };
  return model;
}

const SOURCE: TrainingSource = {
  train: {
    count: 48,
    read: (index) => {
      const random = seededRandom(index);
      return Promise.resolve({ label: index % CLASSES, feeds: { x: { elementType: "float32", shape: [1, VALUES], data: Float32Array.from({ length: VALUES }, () => random() + (index % CLASSES)) } } });
    },
  },
  validation: null,
};

async function run(some: Partial<TrainingRecipe> = {}, checkpoint?: Uint8Array): Promise<TrainingResult & { checkpoints: Uint8Array[] }> {
  const checkpoints: Uint8Array[] = [];
  const context = { threads: 1, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: (bytes: Uint8Array) => Promise.resolve(void checkpoints.push(bytes)), ...(checkpoint === undefined ? {} : { checkpoint }) };
  const recipe: TrainingRecipe = { ...DEFAULT_RECIPE, batchSize: 8, budget: { epochs: 3, minutes: null }, patienceEpochs: null, ...some };
  return { ...(await train(network(), SOURCE, recipe, context)), checkpoints };
}

const bytesOf = (model: OnnxModel, name: string): string => Buffer.from(model.graph.initializers.find((tensor) => tensor.name === name)?.data as Uint8Array).toString("hex");

test("what is dropped is drawn from the seed: a training that goes on drops what it would have dropped", async () => {
  for (const accumulation of [1, 2]) {
    const whole = await run({ accumulation });
    const bytes = Buffer.from(writeOnnx(whole.model)).toString("base64");
    for (const checkpoint of whole.checkpoints.slice(0, 2)) expect(Buffer.from(writeOnnx((await run({ accumulation }, checkpoint)).model)).toString("base64")).toBe(bytes);
    expect(Buffer.from(writeOnnx((await run({ accumulation })).model)).toString("base64")).toBe(bytes);
  }
});

test("running statistics move with their layer, and stay bit for bit where it is frozen", async () => {
  const before = network();
  const learnt = await run();
  const frozen = await run({ freeze: ["first", "scale", "shift"] });
  for (const name of ["mean", "variance"]) {
    expect(bytesOf(learnt.model, name)).not.toBe(bytesOf(before, name));
    expect(bytesOf(frozen.model, name)).toBe(bytesOf(before, name));
  }
  expect(bytesOf(frozen.model, "last")).not.toBe(bytesOf(before, "last"));
});
