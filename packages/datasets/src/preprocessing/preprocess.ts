import { DatasetRefusal } from "../dataset-refusal.ts";
import { centreWindow, fitPixels, greyOf, type Pixels } from "../images/resize.ts";
import type { Example, ImageExample, ValuesExample } from "../types.ts";
import { asElementType, type InputData } from "./element-data.ts";
import type { AudioPreprocessing, ImagePreprocessing, InputElementType, Preprocessing, ValuesPreprocessing } from "./preprocessing.ts";

/** One input of a model, batch dimension 1 in front; row-major. */
export type PreprocessedInput = { readonly elementType: InputElementType; readonly shape: readonly number[]; readonly data: InputData };

/** All in TypeScript, no native code: the same numbers on every machine. Throws DatasetRefusal `options_invalid` when example and preprocessing do not fit. */
export function preprocess(example: Example, preprocessing: Preprocessing): PreprocessedInput {
  if (preprocessing.kind === "image" && example.kind === "image") return preprocessImage(example, preprocessing);
  if (preprocessing.kind === "audio" && example.kind === "audio") return preprocessSound(example, preprocessing);
  if (preprocessing.kind === "values" && example.kind !== "image") return preprocessValues(example, preprocessing);
  throw new DatasetRefusal("options_invalid", `The preprocessing is for ${preprocessing.kind}, the examples are of kind ${example.kind}.`);
}

function preprocessImage({ pixels, shape }: ImageExample, wish: ImagePreprocessing): PreprocessedInput {
  let image: Pixels = { pixels, height: shape[0], width: shape[1], channels: shape[2] };
  if (wish.resize) image = fitPixels(image, wish.resize.width, wish.resize.height, wish.resize.fit);
  if (wish.centreCrop) image = centreWindow(image, wish.centreCrop.width, wish.centreCrop.height);
  if (wish.channels === "grey") image = greyOf(image);
  const channels = wish.channels === "grey" ? 1 : 3;
  const area = image.width * image.height;
  const values = new Float32Array(area * channels);
  const [pixelStride, channelStride] = wish.layout === "nchw" ? [1, area] : [channels, 1];
  for (let channel = 0; channel < channels; channel += 1) {
    // Grey images feed every channel of a colour model.
    const from = image.channels === 1 ? 0 : wish.channels === "bgr" ? 2 - channel : channel;
    const table = lookUp(wish, channel, channels);
    for (let at = 0; at < area; at += 1) values[at * pixelStride + channel * channelStride] = table[image.pixels[at * image.channels + from] ?? 0] ?? 0;
  }
  const dimensions = wish.layout === "nchw" ? [1, channels, image.height, image.width] : [1, image.height, image.width, channels];
  return { elementType: wish.elementType, shape: dimensions, data: asElementType(values, wish.elementType) };
}

/** What each of the 256 bytes becomes. */
function lookUp({ invert, scale, mean, std }: ImagePreprocessing, channel: number, channels: number): Float32Array {
  const own = laneReader(mean, std, channels);
  const { offset, divisor } = own(channel);
  return Float32Array.from({ length: 256 }, (_, byte) => ((invert ? 255 - byte : byte) * scale - offset) / divisor);
}

/** `mean` and `std` of a lane: its own, the one for all, or none. */
function laneReader(mean: readonly number[], std: readonly number[], lanes: number): (lane: number) => { readonly offset: number; readonly divisor: number } {
  for (const numbers of [mean, std]) {
    if (numbers.length > 1 && numbers.length !== lanes) throw new DatasetRefusal("options_invalid", `Mean and std have ${numbers.length} numbers; the examples have ${lanes} channels or features.`);
  }
  const pick = (numbers: readonly number[], lane: number, none: number): number => (numbers.length === 1 ? numbers[0] : numbers[lane]) ?? none;
  return (lane) => ({ offset: pick(mean, lane, 0), divisor: pick(std, lane, 1) });
}

function preprocessValues({ values, shape }: ValuesExample, { scale, mean, std, elementType }: ValuesPreprocessing): PreprocessedInput {
  const read = laneReader(mean, std, values.length);
  const normalised = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += 1) {
    const { offset, divisor } = read(at);
    normalised[at] = ((values[at] ?? 0) * scale - offset) / divisor;
  }
  return { elementType, shape: [1, ...shape], data: asElementType(normalised, elementType) };
}

function preprocessSound({ values }: ValuesExample, { lengthSamples, channelAxis, scale, elementType }: AudioPreprocessing): PreprocessedInput {
  const samples = new Float32Array(lengthSamples);
  for (let at = 0; at < Math.min(lengthSamples, values.length); at += 1) samples[at] = (values[at] ?? 0) * scale;
  return { elementType, shape: channelAxis ? [1, 1, lengthSamples] : [1, lengthSamples], data: asElementType(samples, elementType) };
}
