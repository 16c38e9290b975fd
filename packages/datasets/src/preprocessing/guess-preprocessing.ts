import type { DatasetHeader } from "../types.ts";
import type { AudioPreprocessing, ImagePreprocessing, InputElementType, Preprocessing, ValuesPreprocessing } from "./preprocessing.ts";

/** A model's input as its file declares it; null, names and -1 are open dimensions. */
export type ModelInput = { readonly elementType: string; readonly shape: readonly (number | string | null)[] | null };

/** The best first, each with the reasons a person should read; try them on labelled examples where it matters. Empty when the data cannot fit, and why. */
export type PreprocessingGuess = {
  readonly candidates: readonly { readonly preprocessing: Preprocessing; readonly reasons: readonly string[] }[];
  readonly misfit: string | null;
};

/** Inputs of ImageNet-sized models. */
const IMAGENET_SIDE = 160;
/** ImageNet in [0, 1], as torchvision's weights want it: red, green, blue. */
const TORCHVISION = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** ImageNet in 0 to 255, as Caffe's models want it: blue, green, red. */
const CAFFE_MEAN = [104, 117, 123];
const RESIZE_SHARE = 224 / 256;

/** What a model's input and a dataset say about how examples should be fed. */
export function guessPreprocessing(input: ModelInput, header: DatasetHeader): PreprocessingGuess {
  const elementType = supported(input.elementType);
  if (elementType === null) return misfit(`The model wants ${input.elementType}; examples can be given as float32, float16 or uint8.`);
  if (input.shape === null) return misfit("The model does not say the shape of its input.");
  const shape = input.shape.map((dimension) => (typeof dimension === "number" && dimension > 0 ? dimension : null));
  if (header.kind === "image") return guessImage(shape, elementType, header);
  if (header.kind === "audio") return guessSound(shape, elementType, header);
  return guessValues(shape, elementType, header);
}

function supported(elementType: string): InputElementType | null {
  return elementType === "float32" || elementType === "float16" || elementType === "uint8" ? elementType : null;
}

function misfit(why: string): PreprocessingGuess {
  return { candidates: [], misfit: why };
}

type Shape = readonly (number | null)[];

function guessImage(shape: Shape, elementType: InputElementType, header: DatasetHeader): PreprocessingGuess {
  if (shape.length !== 4) return misfit(`The model's input has ${shape.length} dimensions; images are given as four: batch, height, width and channels.`);
  const isChannels = (dimension: number | null | undefined): boolean => dimension === 1 || dimension === 3;
  const layout = isChannels(shape[1]) ? "nchw" : isChannels(shape[3]) ? "nhwc" : null;
  if (layout === null) return misfit("No dimension of the model's input is 1 or 3, so it takes neither grey nor colour images.");
  const [channels, height, width] = layout === "nchw" ? [shape[1], shape[2], shape[3]] : [shape[3], shape[1], shape[2]];
  const reasons = [`${layout.toUpperCase()}: dimension ${layout === "nchw" ? 1 : 3} of the input is ${channels}`];
  const [ownHeight, ownWidth, ownChannels] = header.shape;
  const target = { width: width ?? ownWidth ?? null, height: height ?? ownHeight ?? null };
  if (target.width === null || target.height === null) return misfit("Neither the model nor the dataset fixes the size of the images. Choose one.");
  const isSameSize = ownWidth === target.width && ownHeight === target.height;
  if (channels === 1 && ownChannels === 3) reasons.push("colour images are turned grey, as the model has one channel");
  if (channels === 3 && ownChannels === 1) reasons.push("grey images are repeated in all three channels");
  const isLarge = channels === 3 && Math.min(target.width, target.height) >= IMAGENET_SIDE;
  const size = isSameSize ? { resize: null, centreCrop: null } : sizing(target.width, target.height, isLarge);
  reasons.push(isSameSize ? "images have the size of the input" : isLarge ? "resized to 8/7 of the input and cropped to its centre, as ImageNet models are tested" : "stretched to the size of the input");
  const base: ImagePreprocessing = { kind: "image", ...size, channels: channels === 1 ? "grey" : "rgb", layout, invert: false, scale: 1, mean: [], std: [], elementType };
  return { misfit: null, candidates: scalings(base, isLarge).map(({ why, ...changes }) => ({ preprocessing: { ...base, ...changes }, reasons: [...reasons, why] })) };
}

function sizing(width: number, height: number, isLarge: boolean): Pick<ImagePreprocessing, "resize" | "centreCrop"> {
  if (!isLarge) return { resize: { width, height, fit: "stretch" }, centreCrop: null };
  return { resize: { width: Math.round(width / RESIZE_SHARE), height: Math.round(height / RESIZE_SHARE), fit: "cover" }, centreCrop: { width, height } };
}

type Scaling = Partial<ImagePreprocessing> & { readonly why: string };

function scalings({ elementType, channels }: ImagePreprocessing, isLarge: boolean): Scaling[] {
  if (elementType === "uint8") return [{ why: "bytes are given as they are, as the input is uint8" }];
  const unit: Scaling = { scale: 1 / 255, why: "scaled to 0…1, the usual range" };
  const bytes: Scaling = { scale: 1, why: "left at 0…255, as some models want" };
  const centred: Scaling = { scale: 1 / 127.5, mean: [1], std: [1], why: "scaled to −1…1, as MobileNets of TensorFlow want" };
  if (!isLarge) return [unit, bytes, centred, { ...unit, invert: true, why: "inverted and scaled to 0…1, for dark on light where the model learned light on dark" }];
  const torch: Scaling = { scale: 1 / 255, ...TORCHVISION, why: "normalised by the mean and deviation of ImageNet, as the input is a large colour image" };
  const caffe: Scaling = { channels: "bgr", mean: CAFFE_MEAN, why: "blue, green, red minus the mean of ImageNet, as models from Caffe want" };
  return channels === "grey" ? [unit, bytes, centred] : [torch, unit, centred, bytes, caffe];
}

function guessSound(shape: Shape, elementType: InputElementType, header: DatasetHeader): PreprocessingGuess {
  const own = header.shape[0] ?? 0;
  const last = shape.at(-1);
  const channelAxis = shape.length === 3;
  if (shape.length !== 2 && !(channelAxis && (shape[1] === 1 || shape[1] === null))) return misfit(`The model's input has the shape (${shape.join(", ")}); sounds are given as batch and samples, with one channel at most.`);
  if (elementType === "uint8") return misfit("The model wants bytes; sounds are given as floats between −1 and 1.");
  const preprocessing: AudioPreprocessing = { kind: "audio", lengthSamples: last ?? own, channelAxis, scale: 1, elementType };
  return { misfit: null, candidates: [{ preprocessing, reasons: [last == null || last === own ? "sounds have the length of the input" : `cut or padded from ${own} to ${last} samples`, "left at −1…1"] }] };
}

function guessValues(shape: Shape, elementType: InputElementType, header: DatasetHeader): PreprocessingGuess {
  const own = header.shape;
  const fits = shape.length === own.length + 1 && own.every((dimension, at) => shape[at + 1] === null || shape[at + 1] === dimension);
  if (!fits) return misfit(`The model's input has the shape (${shape.map((dimension) => dimension ?? "any").join(", ")}); with 1 in front, an example has (1, ${own.join(", ")}).`);
  const asIs: ValuesPreprocessing = { kind: "values", scale: 1, mean: [], std: [], elementType };
  const plain = { preprocessing: asIs, reasons: ["numbers are given as they are"] };
  const { statistics } = header;
  if (header.kind !== "table" || statistics === null || elementType === "uint8") return { misfit: null, candidates: [plain] };
  const standard: ValuesPreprocessing = { ...asIs, mean: statistics.mean, std: statistics.std.map((value) => (value > 0 ? value : 1)) };
  return { misfit: null, candidates: [plain, { preprocessing: standard, reasons: ["each feature minus its mean over the training split, divided by its deviation: for networks trained on standardised features"] }] };
}
