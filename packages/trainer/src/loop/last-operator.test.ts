import { openModel, seededRandom } from "@flotilla/runtime";
import { cloneModel, makeNode, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { FEEDS } from "../step/training-step.ts";
import { buildTemplate } from "../templates/template.ts";
import { lastOperator } from "./last-operator.ts";
import { Teacher } from "./teacher.ts";
import type { ExampleSource } from "./training-source.ts";
import { validate } from "./validate.ts";

const CLASSES = 3;

/** Its answers are far from even: taken for logits, they would say something else. */
function sureNetwork(): OnnxModel {
  const model = cloneModel(buildTemplate("mlp", "small", { input: [2], answers: CLASSES, isClassifier: true }, 3));
  const random = seededRandom(1);
  const bias = model.graph.initializers.find(({ name }) => name === "dense_2/bias");
  if (bias !== undefined) bias.data = new Uint8Array(Float32Array.from({ length: CLASSES }, () => 8 * random() - 4).buffer);
  return model;
}

const SOURCE: ExampleSource = { count: 6, read: (index) => Promise.resolve({ label: index % CLASSES, feeds: { input: { elementType: "float32", shape: [1, 2], data: Float32Array.of(index - 2, 1) } } }) };

async function sharesOf(model: OnnxModel, index: number): Promise<number[]> {
  const open = await openModel(writeOnnx(model));
  const found = await open.run((await SOURCE.read(index)).feeds);
  await open.close();
  return [...(found["output"]?.data ?? [])].map(Number);
}

test("what a model ends in is seen behind what hands it on", () => {
  const model = sureNetwork();
  const [output] = model.graph.outputs;
  model.graph.nodes.push(makeNode("Identity", [output?.name ?? ""], ["handed on"]));
  if (output !== undefined) output.name = "handed on";
  expect(lastOperator(model)).toBe("Softmax");
});

test("the validation loss of a network that answers shares is that of the shares", async () => {
  const model = sureNetwork();
  let sum = 0;
  for (let index = 0; index < SOURCE.count; index += 1) sum -= Math.log((await sharesOf(model, index))[index % CLASSES] ?? 0);
  const { loss } = await validate(model, SOURCE, { loss: "cross_entropy", threads: 1, signal: new AbortController().signal });
  expect(loss).toBeCloseTo(sum / SOURCE.count, 4);
});

test("what a network that answers shares teaches are those shares", async () => {
  const model = sureNetwork();
  const teacher = await Teacher.open(model, 1);
  const taught = await teacher.taught((await SOURCE.read(4)).feeds, [1, CLASSES]);
  await teacher.close();
  const logits = [...(taught[FEEDS.teacher]?.data ?? [])].map(Number);
  const total = logits.reduce((all, logit) => all + Math.exp(logit), 0);
  const shares = await sharesOf(model, 4);
  for (const [i, logit] of logits.entries()) expect(Math.exp(logit) / total).toBeCloseTo(shares[i] ?? 0, 5);
});
