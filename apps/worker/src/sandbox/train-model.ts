import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Preprocessing, TrainingOutcome, TrainingRecipe, TrainingStart } from "@flotilla/fleet";
import { sandboxMain, type TensorSpec } from "@flotilla/runtime";
import { readOnnx, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { buildTemplate, storeQuantized, train, type ExampleSource, type TrainingExample, type TrainingPoint, type TrainingResult } from "@flotilla/trainer";
import { openExamples } from "../examples/dataset-examples.ts";
import { frozenUpTo } from "../examples/frozen-up-to.ts";
import { pictured } from "../examples/pictured.ts";
import { roundedWhileTrained } from "../examples/rounded-while-trained.ts";

export type TrainModelInput = {
  start: TrainingStart; recipe: TrainingRecipe; preprocessing: Preprocessing;
  /** The version that is trained further; null for a template. */
  model: ModelFiles | null;
  /** Whom to learn from, where the recipe says so. */
  teacher: ModelFiles | null;
  datasetPath: string; hasValidation: boolean; isUnlabelled: boolean;
  /** To go on from. */
  checkpointPath: string | null;
  threads: number;
  /** Where the model and the checkpoints go; a file "stop" there ends it. */
  outDir: string;
};
type ModelFiles = { path: string; externalFiles: string[] };
export type TrainModelStep =
  | { line: string }
  | { points: readonly TrainingPoint[] }
  | { checkpoint: { path: string; epoch: number; step: number; best: TrainingResult["best"] } };
export type TrainModelOutput = Omit<TrainingResult, "model" | "validation"> & { validation: TrainingOutcome["validation"]; modelPath: string };

/** Examples that are ready for the network stay in memory up to so many bytes; beyond, they are made anew each time. */
const CACHE_BYTES = 512 * 1024 * 1024;

sandboxMain<TrainModelInput, TrainModelOutput>(async (input, { progress }) => {
  const begun = await modelOf(input);
  const inputs = begun.graph.inputs.map(specOf);
  const open = (split: "train" | "validation") => openExamples({ datasetPath: input.datasetPath, split, limit: null, preprocessing: input.preprocessing, inputs });
  const [learnt, validation] = [await open("train"), input.hasValidation ? await open("validation") : null];
  const source = (examples: Awaited<ReturnType<typeof open>>): ExampleSource => remembered({ count: examples.count, read: async (index) => exampleOf(await examples.read(index), input.isUnlabelled) });
  const sources = { train: source(learnt), validation: validation === null ? null : source(validation) };
  const freeze = input.start.kind === "version" && input.start.freezeUpTo !== null ? frozenUpTo(begun, input.start.freezeUpTo) : [];
  const stopPath = join(input.outDir, "stop");
  const { quantization, distillation, ...recipe } = input.recipe;
  const signal = new AbortController().signal;
  const tell = (line: string): void => progress({ line } satisfies TrainModelStep);
  const model = quantization === undefined ? begun : await roundedWhileTrained(begun, sources.train, quantization, { seed: recipe.seed, threads: input.threads, signal, tell });
  const { model: trained, validation: found, ...result } = await train(model, sources, { ...recipe, freeze, ...(distillation === undefined ? {} : { distillation: { temperature: distillation.temperature, hardShare: distillation.hardShare } }) }, {
    threads: input.threads,
    signal,
    ...(input.teacher === null ? {} : { teacher: await readModel(input.teacher) }),
    ...(input.checkpointPath === null ? {} : { checkpoint: await readFile(input.checkpointPath) }),
    onPoints: (points) => progress({ points } satisfies TrainModelStep),
    onCheckpoint: async (bytes, { epoch, step, best }) => {
      const path = join(input.outDir, `checkpoint-${epoch}`);
      await writeFile(`${path}.part`, bytes);
      await rename(`${path}.part`, path);
      const reached = best === null ? null : { epoch: best.epoch, metric: best.metric, value: best.value };
      progress({ checkpoint: { path, epoch, step, best: reached } } satisfies TrainModelStep);
    },
    shouldStop: () => existsSync(stopPath),
  });
  const modelPath = join(input.outDir, "model.onnx");
  await writeFile(modelPath, writeOnnx(quantization === undefined ? trained : await storeQuantized(trained)), { flag: "wx" });
  await learnt.close();
  await validation?.close();
  return { ...result, validation: found === null ? null : { ...measured(found), worst: await pictured(found.worst, input.datasetPath) }, modelPath };
});

function measured({ n, loss, accuracy, confusion }: NonNullable<TrainingResult["validation"]>) {
  return { n, loss, accuracy, confusion: confusion === null ? null : confusion.map((row) => [...row]) };
}

async function modelOf({ start, recipe, model }: TrainModelInput): Promise<OnnxModel> {
  if (start.kind === "template") return buildTemplate(start.template, start.preset, start, recipe.seed);
  if (model === null) throw new Error("a version is trained further without its file");
  return readModel(model);
}

async function readModel({ path, externalFiles }: ModelFiles): Promise<OnnxModel> {
  const external = new Map<string, Uint8Array>();
  for (const name of externalFiles) external.set(name, await readFile(join(dirname(path), name)));
  return readOnnx(await readFile(path), external);
}

function specOf({ name, type }: OnnxModel["graph"]["inputs"][number]): TensorSpec {
  const shape = type?.kind === "tensor" ? (type.shape ?? []) : [];
  return { name, elementType: "float32", shape: shape.map((dim) => (dim.kind === "value" ? dim.value : dim.kind === "param" ? dim.param : "")) };
}

/** Without labels the network learns to give back what it sees. */
function exampleOf({ feeds, label, value }: { feeds: TrainingExample["feeds"]; label: number | null; value: number | null }, isUnlabelled: boolean): TrainingExample {
  if (isUnlabelled) return { feeds, label: null, target: Object.values(feeds).flatMap(({ data }) => Array.from(data as Float32Array)) };
  return value === null ? { feeds, label } : { feeds, label, target: [value] };
}

function remembered(source: ExampleSource): ExampleSource {
  const known = new Map<number, TrainingExample>();
  let bytes = 0;
  return {
    count: source.count,
    read: async (index) => {
      const found = known.get(index);
      if (found !== undefined) return found;
      const example = await source.read(index);
      bytes += Object.values(example.feeds).reduce((sum, { data }) => sum + 4 * data.length, 0);
      if (bytes <= CACHE_BYTES) known.set(index, example);
      return example;
    },
  };
}
