import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { convertDataset, openDataset, preprocess, type ImagePreprocessing, type Split } from "@flotilla/datasets";
import { type ExampleSource, simplify, widenFloat16 } from "@flotilla/optimizer";
import { openModel, syntheticFeeds } from "@flotilla/runtime";
import { type OnnxModel, readOnnx, upgradeOpset, writeOnnx } from "@flotilla/runtime/ir";

const SHARED = join(import.meta.dirname, "../../../shared");

/** Path of a real model or file of data, null when it is not here. */
export function shared(...parts: string[]): string | null {
  const path = join(SHARED, ...parts);
  return existsSync(path) ? path : null;
}

/** As the optimizer prepares a model for integers: float32, of opset 13 at least, simplified. */
export async function prepared(path: string): Promise<OnnxModel> {
  const model = readOnnx(readFileSync(path));
  await widenFloat16.run(model, {});
  upgradeOpset(model, 13);
  return (await simplify(model, { verifyRuns: 1 }, { target: "integer" })).model;
}

export async function synthetic(model: OnnxModel, count: number): Promise<ExampleSource> {
  const session = await openModel(writeOnnx(model));
  const { inputs } = session;
  await session.close();
  return { count, read: (index) => Promise.resolve({ feeds: syntheticFeeds(inputs, index + 1), label: null }) };
}

/** 224 × 224, BGR less the means of ImageNet, as Caffe's SqueezeNet takes it. */
const CAFFE: ImagePreprocessing = {
  kind: "image", resize: { width: 224, height: 224, fit: "stretch" }, centreCrop: null, channels: "bgr", layout: "nchw", invert: false, scale: 1, mean: [104, 117, 123], std: [1, 1, 1], elementType: "float32",
};

/** Photographs for SqueezeNet: CIFAR-10's, enlarged. Their labels are not ImageNet's, so they serve agreement alone. Null without them. */
export async function photographs(model: OnnxModel, which: "train" | "test", count: number, workDir: string): Promise<ExampleSource | null> {
  const zip = shared("data/cifar10", `${which}.zip`);
  const input = model.graph.inputs[0]?.name;
  if (zip === null || input === undefined) return null;
  const path = join(workDir, `cifar10-${which}.dataset`);
  if (!existsSync(path)) await convertDataset({ path: zip, name: `${which}.zip` }, path);
  const dataset = await openDataset(path);
  try {
    const split: Split = which;
    const examples = await Promise.all(Array.from({ length: Math.min(count, dataset.count(split)) }, (_, index) => dataset.read(split, index)));
    return {
      count: examples.length,
      async read(index) {
        const example = examples[index];
        if (example === undefined) throw new RangeError(`there is no example ${index}`);
        return { feeds: { [input]: preprocess(example, CAFFE) }, label: null };
      },
    };
  } finally {
    await dataset.close();
  }
}

const PIXELS = 28 * 28;

/** MNIST's digits under `input`, each pixel of 0 to 255 as `pixel · scale − shift`; null without them. */
export function mnist(split: "train" | "test", input: string, { scale, shift }: { readonly scale: number; readonly shift: number }): ExampleSource | null {
  const [imagesPath, labelsPath] = [shared("data/mnist", `${split}-images.idx3.gz`), shared("data/mnist", `${split}-labels.idx1.gz`)];
  if (imagesPath === null || labelsPath === null) return null;
  const [images, labels] = [gunzipSync(readFileSync(imagesPath)), gunzipSync(readFileSync(labelsPath))];
  return {
    count: images.readUInt32BE(4),
    read(index) {
      const data = Float32Array.from(images.subarray(16 + index * PIXELS, 16 + (index + 1) * PIXELS), (pixel) => pixel * scale - shift);
      return Promise.resolve({ feeds: { [input]: { elementType: "float32", shape: [1, 1, 28, 28], data } }, label: labels[8 + index] ?? null });
    },
  };
}
