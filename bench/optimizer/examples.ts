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

/** Pixels as they are, as MLPerf Tiny trained its ResNet-8. */
export const PIXELS_AS_THEY_ARE: ImagePreprocessing = { kind: "image", resize: null, centreCrop: null, channels: "rgb", layout: "nhwc", invert: false, scale: 1, mean: [], std: [], elementType: "float32" };

/** `split`: of the archive; left out, that of its name. `most`: so many of its pictures. */
type Cifar = { readonly archive: "train" | "test"; readonly split?: Split; readonly most?: number; readonly input: string; readonly preprocessing: ImagePreprocessing; readonly workDir: string };

/** Pictures of CIFAR-10 with their labels, as JPEG files 300 or 100 of each class; null without them. */
export async function cifar10({ archive, split = archive, most = Number.POSITIVE_INFINITY, input, preprocessing, workDir }: Cifar): Promise<ExampleSource | null> {
  const zip = shared("data/cifar10", `${archive}.zip`);
  if (zip === null) return null;
  const path = join(workDir, `cifar10-${archive}.dataset`);
  if (!existsSync(path)) await convertDataset({ path: zip, name: `${archive}.zip` }, path);
  const dataset = await openDataset(path);
  try {
    const pictures = await Promise.all(Array.from({ length: Math.min(most, dataset.count(split)) }, (_, index) => dataset.read(split, index)));
    return {
      count: pictures.length,
      async read(index) {
        const picture = pictures[index];
        if (picture === undefined) throw new RangeError(`there is no picture ${index}`);
        return { feeds: { [input]: preprocess(picture, preprocessing) }, label: picture.label };
      },
    };
  } finally {
    await dataset.close();
  }
}

/** The same examples, as tensors in memory: reading pictures is no part of what is timed. */
export async function inMemory(source: ExampleSource): Promise<ExampleSource> {
  const examples = await Promise.all(Array.from({ length: source.count }, (_, index) => source.read(index)));
  return {
    count: examples.length,
    read(index) {
      const example = examples[index];
      return example === undefined ? Promise.reject(new RangeError(`there is no example ${index}`)) : Promise.resolve(example);
    },
  };
}

/** Photographs for SqueezeNet: CIFAR-10's, enlarged. Their labels are not ImageNet's, so they serve agreement alone. Null without them. */
export async function photographs(model: OnnxModel, which: "train" | "test", count: number, workDir: string): Promise<ExampleSource | null> {
  const input = model.graph.inputs[0]?.name;
  const pictures = input === undefined ? null : await cifar10({ archive: which, most: count, input, preprocessing: CAFFE, workDir });
  if (pictures === null) return null;
  return { count: pictures.count, read: async (index) => ({ ...(await pictures.read(index)), label: null }) };
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
