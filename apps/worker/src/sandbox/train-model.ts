import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { examplePicture, openDataset } from "@flotilla/datasets";
import type { Preprocessing, TrainingOutcome, TrainingRecipe, TrainingStart } from "@flotilla/fleet";
import { sandboxMain, type TensorSpec } from "@flotilla/runtime";
import { readOnnx, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { buildTemplate, train, type ExampleSource, type TrainingExample, type TrainingPoint, type TrainingResult } from "@flotilla/trainer";
import { openExamples } from "../examples/dataset-examples.ts";
import { frozenUpTo } from "../examples/frozen-up-to.ts";

export type TrainModelInput = {
  start: TrainingStart; recipe: TrainingRecipe; preprocessing: Preprocessing;
  /** Of the version that is trained further; null for a template. */
  modelPath: string | null; externalFiles: string[];
  datasetPath: string; hasValidation: boolean; isUnlabelled: boolean;
  /** To go on from. */
  checkpointPath: string | null;
  threads: number;
  /** Where the model and the checkpoints go; a file "stop" there ends it. */
  outDir: string;
};
export type TrainModelStep =
  | { points: readonly TrainingPoint[] }
  | { checkpoint: { path: string; epoch: number; step: number; best: TrainingResult["best"] } };
export type TrainModelOutput = Omit<TrainingResult, "model" | "validation"> & { validation: TrainingOutcome["validation"]; modelPath: string };

/** Pixels of a picture on the training's page. */
const PICTURE_SIDE = 84;

/** Examples that are ready for the network stay in memory up to so many bytes; beyond, they are made anew each time. */
const CACHE_BYTES = 512 * 1024 * 1024;

sandboxMain<TrainModelInput, TrainModelOutput>(async (input, { progress }) => {
  const model = await modelOf(input);
  const inputs = model.graph.inputs.map(specOf);
  const open = (split: "train" | "validation") => openExamples({ datasetPath: input.datasetPath, split, limit: null, preprocessing: input.preprocessing, inputs });
  const [learnt, validation] = [await open("train"), input.hasValidation ? await open("validation") : null];
  const source = (examples: Awaited<ReturnType<typeof open>>): ExampleSource => remembered({ count: examples.count, read: async (index) => exampleOf(await examples.read(index), input.isUnlabelled) });
  const freeze = input.start.kind === "version" && input.start.freezeUpTo !== null ? frozenUpTo(model, input.start.freezeUpTo) : [];
  const stopPath = join(input.outDir, "stop");
  const { model: trained, validation: found, ...result } = await train(model, { train: source(learnt), validation: validation === null ? null : source(validation) }, { ...input.recipe, freeze }, {
    threads: input.threads,
    signal: new AbortController().signal,
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
  await writeFile(modelPath, writeOnnx(trained), { flag: "wx" });
  await learnt.close();
  await validation?.close();
  return { ...result, validation: found === null ? null : await pictured(found, input.datasetPath), modelPath };
});

/** The worst examples with what they look like. Rows of numbers look like nothing. */
async function pictured(validation: NonNullable<TrainingResult["validation"]>, datasetPath: string): Promise<TrainModelOutput["validation"]> {
  const { n, loss, accuracy, confusion } = validation;
  const dataset = await openDataset(datasetPath);
  const worst: NonNullable<TrainModelOutput["validation"]>["worst"] = [];
  for (const { index, label, answer, confidence, loss: of } of validation.worst) {
    const example = await dataset.read("validation", index);
    const picture = example.kind === "table" ? null : await examplePicture(example, PICTURE_SIDE);
    worst.push({ index, label, answer, confidence, loss: of, image: picture === null ? null : `data:${picture.mediaType};base64,${Buffer.from(picture.bytes).toString("base64")}` });
  }
  await dataset.close();
  return { n, loss, accuracy, confusion: confusion === null ? null : confusion.map((row) => [...row]), worst };
}

async function modelOf({ start, recipe, modelPath, externalFiles }: TrainModelInput): Promise<OnnxModel> {
  if (start.kind === "template") return buildTemplate(start.template, start.preset, start, recipe.seed);
  if (modelPath === null) throw new Error("a version is trained further without its file");
  const external = new Map<string, Uint8Array>();
  for (const name of externalFiles) external.set(name, await readFile(join(dirname(modelPath), name)));
  return readOnnx(await readFile(modelPath), external);
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
