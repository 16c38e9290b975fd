import { readFileSync } from "node:fs";
import { join } from "node:path";
import { convertDataset, openDataset, preprocess, type ImagePreprocessing } from "@flotilla/datasets";
import { openModel } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { convertKeras } from "@flotilla/trainer";
import { shared } from "../optimizer/examples.ts";
import { notAtHand, type Row } from "../optimizer/row.ts";

/** Pixels as they are, as MLPerf Tiny trained it. */
const PIXELS: ImagePreprocessing = { kind: "image", resize: null, centreCrop: null, channels: "rgb", layout: "nhwc", invert: false, scale: 1, mean: [], std: [], elementType: "float32" };

/** Keras 3.15.1 on TensorFlow 2 on the same 1,000 pictures, decoded by TensorFlow: 743 right. Decoders differ in the last bit of a pixel. */
const KERAS_RIGHT = 743;
const DECODING_MAX = 10;

/** The ResNet-8 of MLPerf Tiny after conversion, on CIFAR-10's test pictures as JPEG files. */
export async function keras(workDir: string): Promise<Row[]> {
  const [item, what, reference] = ["keras", "ResNet-8 (.h5) converted, right on CIFAR-10", `Keras itself: ${KERAS_RIGHT} of 1000 of these JPEG files; MLPerf Tiny claims 87 % on the original pixels`];
  const [modelPath, zip] = [shared("models/resnet8-cifar10.h5"), shared("data/cifar10/test.zip")];
  if (modelPath === null || zip === null) return [notAtHand(item, what, reference)];
  const { model } = await convertKeras(readFileSync(modelPath), "h5");
  const path = join(workDir, "cifar10-test.dataset");
  await convertDataset({ path: zip, name: "test.zip" }, path);
  const { right, count } = await countRight(writeOnnx(model), path);
  const [low, high] = wilson(right, count);
  const measured = `${right} of ${count}: ${percent(right / count)} (${percent(low)} to ${percent(high)})`;
  return [{ item, what, measured, reference, holds: Math.abs(right - KERAS_RIGHT) <= DECODING_MAX }];
}

async function countRight(model: Uint8Array, datasetPath: string): Promise<{ right: number; count: number }> {
  const dataset = await openDataset(datasetPath);
  const open = await openModel(model);
  const [input, output] = [open.inputs[0]?.name ?? "", open.outputs[0]?.name ?? ""];
  const count = dataset.count("test");
  let right = 0;
  for (let index = 0; index < count; index += 1) {
    const example = await dataset.read("test", index);
    const scores = [...((await open.run({ [input]: preprocess(example, PIXELS) }))[output]?.data ?? [])].map(Number);
    if (scores.indexOf(Math.max(...scores)) === example.label) right += 1;
  }
  await open.close();
  await dataset.close();
  return { right, count };
}

const Z_95 = 1.96;

/** Interval of a proportion (E. B. Wilson, 1927). */
function wilson(right: number, count: number): [low: number, high: number] {
  const [share, z2] = [right / count, Z_95 ** 2];
  const middle = share + z2 / (2 * count);
  const half = Z_95 * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count ** 2));
  return [(middle - half) / (1 + z2 / count), (middle + half) / (1 + z2 / count)];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
