import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { wilson } from "@flotilla/optimizer";
import { readOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { convertKeras, DEFAULT_RECIPE, train, type ExampleSource, type TrainingContext, type TrainingRecipe } from "@flotilla/trainer";
import { mnist, shared } from "../optimizer/examples.ts";
import { notAtHand, type Row } from "../optimizer/row.ts";
import { cifar10 } from "./cifar-10.ts";
import { differenceInWords, differenceOf, percent } from "./paired-answers.ts";
import { rightAnswers } from "./right-answers.ts";
import { seedCnn } from "./seed-cnn.ts";

const CONTEXT: TrainingContext = { threads: 2, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve() };
const REFERENCE = "more are right, beyond the interval; frozen weights as they were, bit for bit";

const recipe = (learningRate: number, epochs: number): TrainingRecipe => ({ ...DEFAULT_RECIPE, batchSize: 64, patienceEpochs: null, budget: { epochs, minutes: null }, optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate } });

/** Models that are trained further on examples of another kind than they know; the test examples are looked at before and after, and by nobody in between. */
export async function fineTune(workDir: string): Promise<Row[]> {
  return [...(await digits()), ...(await pictures(workDir)), await newClass()];
}

const inverted = (pixels: Float32Array): Float32Array => pixels.map((pixel) => 255 - pixel);
/** By a quarter, anticlockwise; channels last. */
const turned = (side: number, channels: number) => (pixels: Float32Array): Float32Array =>
  pixels.map((_, at) => { const pixel = Math.floor(at / channels); return pixels[((pixel % side) * side + (side - 1 - Math.floor(pixel / side))) * channels + (at % channels)] ?? 0; });

/** The network of Microsoft's CNTK, whose file fixes a batch of one, with its first layer frozen. */
async function digits(): Promise<Row[]> {
  const path = shared("models/mnist-8.onnx");
  const [learnt, test] = (["train", "test"] as const).map((split) => mnist(split, "Input3", { scale: 1, shift: 0 }));
  if (path === null || learnt == null || test == null) return [notAtHand("fine-tune", "mnist-8 on digits that look otherwise", REFERENCE)];
  const model = readOnnx(readFileSync(path));
  const rows: Row[] = [];
  for (const [what, change] of [["digits dark on light", inverted], ["digits turned by a quarter", turned(28, 1)]] as const) {
    rows.push(await tuned({ what: `mnist-8 on ${what}`, model, recipe: recipe(0.003, 4), frozen: ["Parameter5", "Parameter6"], learnt: changed(learnt, change), test: changed(test, change) }));
  }
  return rows;
}

const FIRST_STAGE = ["", "_1", "_2"].flatMap((n) => [`conv2d${n}/`, `batch_normalization${n}/`]);

/** MLPerf Tiny's network, made from its Keras file, with its first stage frozen. */
async function pictures(workDir: string): Promise<Row[]> {
  const path = shared("models/resnet8-cifar10.h5");
  const [learnt, test] = [await cifar10("train", "input_1", workDir), await cifar10("test", "input_1", workDir)];
  if (path === null || learnt === null || test === null) return [notAtHand("fine-tune", "ResNet-8 on pictures that look otherwise", REFERENCE)];
  const { model } = await convertKeras(readFileSync(path), "h5");
  return [
    await tuned({ what: "ResNet-8 on pictures that JPEG took detail from", model, recipe: { ...recipe(0.0001, 3), batchSize: 32 }, frozen: FIRST_STAGE, learnt, test }),
    await tuned({ what: "ResNet-8 on pictures turned by a quarter", model, recipe: { ...recipe(0.001, 5), batchSize: 32 }, frozen: FIRST_STAGE, learnt: changed(learnt, turned(32, 3)), test: changed(test, turned(32, 3)) }),
  ];
}

const NEW_CLASS = 9;

/** The seed network learns nine digits, then the tenth, with its convolutions frozen. */
async function newClass(): Promise<Row> {
  const what = "the seed network, which never saw a 9, on all digits";
  const [learnt, test] = (["train", "test"] as const).map((split) => mnist(split, "input", { scale: 1 / 255, shift: 0 }));
  if (learnt == null || test == null) return notAtHand("fine-tune", what, REFERENCE);
  const { model } = await train(seedCnn(), { train: await without(learnt, NEW_CLASS), validation: null }, recipe(0.001, 3), CONTEXT);
  return tuned({ what, model, recipe: recipe(0.001, 3), frozen: ["conv_"], learnt, test });
}

async function without(source: ExampleSource, label: number): Promise<ExampleSource> {
  const kept: number[] = [];
  for (let index = 0; index < source.count; index += 1) if ((await source.read(index)).label !== label) kept.push(index);
  return { count: kept.length, read: (index) => source.read(kept[index] ?? -1) };
}

function changed(source: ExampleSource, change: (pixels: Float32Array) => Float32Array): ExampleSource {
  return {
    count: source.count,
    async read(index) {
      const example = await source.read(index);
      return { ...example, feeds: Object.fromEntries(Object.entries(example.feeds).map(([name, tensor]) => [name, { ...tensor, data: change(tensor.data as Float32Array) }])) };
    },
  };
}

/** `frozen`: how the names of weights begin that stay as they are. */
type Tuning = { readonly what: string; readonly model: OnnxModel; readonly recipe: TrainingRecipe; readonly frozen: readonly string[]; readonly learnt: ExampleSource; readonly test: ExampleSource };

async function tuned({ what, model, recipe: some, frozen, learnt, test }: Tuning): Promise<Row> {
  const before = await rightAnswers(model, test);
  const beganMs = performance.now();
  const { model: after, epochs } = await train(model, { train: learnt, validation: null }, { ...some, freeze: frozen.map((name) => `${name}*`) }, CONTEXT);
  const seconds = (performance.now() - beganMs) / 1000;
  const right = await rightAnswers(after, test);
  const { asTheyWere, all } = keptBytes(model, after, frozen);
  return {
    item: "fine-tune", what,
    measured: `${withInterval(before)} before, ${withInterval(right)} after ${epochs} epochs of ${learnt.count} in ${seconds.toFixed(0)} s at load ${(loadavg()[0] ?? 0).toFixed(1)}: ${differenceInWords(before, right)}; ${asTheyWere} of ${all} frozen tensors as they were`,
    reference: REFERENCE, holds: asTheyWere === all && all > 0 && differenceOf(before, right).lowPp > 0,
  };
}

function keptBytes(before: OnnxModel, after: OnnxModel, frozen: readonly string[]): { asTheyWere: number; all: number } {
  const bytes = new Map(after.graph.initializers.map(({ name, data }) => [name, data]));
  const kept = before.graph.initializers.filter(({ name }) => frozen.some((start) => name.startsWith(start)));
  return { all: kept.length, asTheyWere: kept.filter(({ name, data }) => data !== null && Buffer.compare(data as Uint8Array, (bytes.get(name) ?? new Uint8Array()) as Uint8Array) === 0).length };
}

function withInterval(right: Uint8Array): string {
  const { share, low, high } = wilson(right.reduce((sum, one) => sum + one, 0), right.length);
  return `${percent(share)} (${percent(low)} to ${percent(high)})`;
}
