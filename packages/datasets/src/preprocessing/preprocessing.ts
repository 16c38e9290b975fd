import { DatasetRefusal } from "../dataset-refusal.ts";

/** What a model wants its numbers as. `float16` travels as raw bits. */
export type InputElementType = "float32" | "uint8" | "float16";

/**
 * How an example becomes a model's input; stored with a model version. Steps in this order: resize, centre crop, channels, invert (255 − x), then
 * `(x × scale − mean) / std`, layout, element type (uint8 rounds to nearest and clamps). `mean` and `std` have one number per channel of the model's
 * order, one for all, or none.
 */
export type ImagePreprocessing = {
  readonly kind: "image";
  /** `stretch` ignores the shape, `cover` fills and cuts what stands over, `contain` fits and pads with black. */
  readonly resize: { readonly width: number; readonly height: number; readonly fit: "stretch" | "cover" | "contain" } | null;
  readonly centreCrop: { readonly width: number; readonly height: number } | null;
  readonly channels: "rgb" | "bgr" | "grey";
  readonly layout: "nchw" | "nhwc";
  readonly invert: boolean;
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly elementType: InputElementType;
};

/** Tables and tensors: `(x × scale − mean) / std`, per feature, one for all, or none. The shape is the example's with 1 in front. */
export type ValuesPreprocessing = {
  readonly kind: "values";
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly elementType: InputElementType;
};

/** Sounds: cut or padded with silence at the end, then `x × scale`. Shape [1, length], or [1, 1, length] with a channel axis. */
export type AudioPreprocessing = {
  readonly kind: "audio";
  readonly lengthSamples: number;
  readonly channelAxis: boolean;
  readonly scale: number;
  readonly elementType: InputElementType;
};

export type Preprocessing = ImagePreprocessing | ValuesPreprocessing | AudioPreprocessing;

/** Pixels wide or high; samples long. */
const MOST_SIDE = 8_192;
const MOST_SAMPLES = 10_000_000;
const MOST_NUMBERS = 10_000;

type Check = (value: unknown) => boolean;
const isScale: Check = (value) => typeof value === "number" && Number.isFinite(value) && value !== 0;
const isFlag: Check = (value) => typeof value === "boolean";
const oneOf = (...words: string[]): Check => (value) => typeof value === "string" && words.includes(value);
const whole = (most: number): Check => (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most;
const numbers = (isAllowed: (value: number) => boolean): Check => (value) =>
  Array.isArray(value) && value.length <= MOST_NUMBERS && value.every((one: unknown) => typeof one === "number" && Number.isFinite(one) && isAllowed(one));
const size: Record<string, Check> = { width: whole(MOST_SIDE), height: whole(MOST_SIDE) };
const orNull = (fields: Record<string, Check>): Check => (value) => value === null || wrongField(value, fields) === null;
const isElementType = oneOf("float32", "uint8", "float16");
const normalising: Record<string, Check> = { scale: isScale, mean: numbers(() => true), std: numbers((value) => value > 0), elementType: isElementType };

const FIELDS: Readonly<Record<string, Record<string, Check>>> = {
  image: {
    resize: orNull({ ...size, fit: oneOf("stretch", "cover", "contain") }),
    centreCrop: orNull(size),
    channels: oneOf("rgb", "bgr", "grey"),
    layout: oneOf("nchw", "nhwc"),
    invert: isFlag,
    ...normalising,
  },
  values: normalising,
  audio: { lengthSamples: whole(MOST_SAMPLES), channelAxis: isFlag, scale: isScale, elementType: isElementType },
};

/** Takes what a form or a stored document says; exactly the known fields. Throws DatasetRefusal `options_invalid` that names the field. */
export function parsePreprocessing(value: unknown): Preprocessing {
  const kind: unknown = typeof value === "object" && value !== null && "kind" in value ? value.kind : null;
  const fields = typeof kind === "string" && Object.hasOwn(FIELDS, kind) ? FIELDS[kind] : undefined;
  if (!fields) throw new DatasetRefusal("options_invalid", "Preprocessing needs a kind: image, values or audio.");
  const wrong = wrongField(value, { kind: () => true, ...fields });
  if (wrong !== null) throw new DatasetRefusal("options_invalid", `The field ${wrong} of the preprocessing is missing, unknown or out of range.`);
  return value as Preprocessing;
}

/** Name of the first field that is missing, wrong or too much; null when all is well. */
function wrongField(value: unknown, fields: Record<string, Check>): string | null {
  if (typeof value !== "object" || value === null) return Object.keys(fields)[0] ?? "kind";
  const entries = new Map(Object.entries(value));
  const wrong = Object.keys(fields).find((name) => !entries.has(name) || fields[name]?.(entries.get(name)) !== true);
  return wrong ?? [...entries.keys()].find((name) => !Object.hasOwn(fields, name)) ?? null;
}
