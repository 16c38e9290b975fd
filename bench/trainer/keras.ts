import { readFileSync } from "node:fs";
import { wilson } from "@flotilla/optimizer";
import { convertKeras } from "@flotilla/trainer";
import { shared } from "../optimizer/examples.ts";
import { notAtHand, type Row } from "../optimizer/row.ts";
import { cifar10 } from "./cifar-10.ts";
import { rightAnswers } from "./right-answers.ts";

/** Keras 3.15.1 on TensorFlow 2 on the same 1,000 pictures, decoded by TensorFlow: 743 right. Decoders differ in the last bit of a pixel. */
const KERAS_RIGHT = 743;
const DECODING_MAX = 10;

/** The ResNet-8 of MLPerf Tiny after conversion, on CIFAR-10's test pictures as JPEG files. */
export async function keras(workDir: string): Promise<Row[]> {
  const [item, what, reference] = ["keras", "ResNet-8 (.h5) converted, right on CIFAR-10", `Keras itself: ${KERAS_RIGHT} of 1000 of these JPEG files; MLPerf Tiny claims 87 % on the original pixels`];
  const modelPath = shared("models/resnet8-cifar10.h5");
  const test = await cifar10("test", "input_1", workDir);
  if (modelPath === null || test === null) return [notAtHand(item, what, reference)];
  const { model } = await convertKeras(readFileSync(modelPath), "h5");
  const right = (await rightAnswers(model, test)).reduce((sum, one) => sum + one, 0);
  const { share, low, high } = wilson(right, test.count);
  const measured = `${right} of ${test.count}: ${percent(share)} (${percent(low)} to ${percent(high)})`;
  return [{ item, what, measured, reference, holds: Math.abs(right - KERAS_RIGHT) <= DECODING_MAX }];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
