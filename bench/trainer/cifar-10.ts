import { join } from "node:path";
import { convertDataset, openDataset, preprocess, type ImagePreprocessing } from "@flotilla/datasets";
import type { ExampleSource, TrainingExample } from "@flotilla/trainer";
import { shared } from "../optimizer/examples.ts";

/** Pixels as they are, as MLPerf Tiny trained its ResNet-8. */
const PIXELS: ImagePreprocessing = { kind: "image", resize: null, centreCrop: null, channels: "rgb", layout: "nhwc", invert: false, scale: 1, mean: [], std: [], elementType: "float32" };

/** CIFAR-10's pictures as JPEG files, 300 or 100 of each class, under `input` as [1, 32, 32, 3] from 0 to 255; null without them. */
export async function cifar10(split: "train" | "test", input: string, workDir: string): Promise<ExampleSource | null> {
  const zip = shared("data/cifar10", `${split}.zip`);
  if (zip === null) return null;
  const path = join(workDir, `cifar10-${split}-pixels.dataset`);
  await convertDataset({ path: zip, name: `${split}.zip` }, path);
  const dataset = await openDataset(path);
  try {
    const examples: TrainingExample[] = [];
    for (let index = 0; index < dataset.count(split); index += 1) {
      const example = await dataset.read(split, index);
      examples.push({ feeds: { [input]: preprocess(example, PIXELS) }, label: example.label });
    }
    return {
      count: examples.length,
      read(index) {
        const example = examples[index];
        return example === undefined ? Promise.reject(new RangeError(`there is no example ${index}`)) : Promise.resolve(example);
      },
    };
  } finally {
    await dataset.close();
  }
}
