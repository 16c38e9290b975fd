import { FleetError } from "@flotilla/protocol";
import { z } from "zod";
import type { VersionInspection } from "./types.ts";

const side = z.number().int().min(1).max(8_192);
const numbers = z.array(z.number()).max(10_000);
const name = z.string().min(1).max(1_000);

const elementTypes = z.enum(["float32", "uint8", "float16"]);

/** Which of the model's ends are meant; the only input and the first output unless told. The output has a score per class. */
const ends = { input: name.optional(), output: name.optional() };

/** `(x × scale − mean) / std`; `mean` and `std` have a number per channel or feature, one for all, or none. */
const normalising = {
  scale: z.number().refine((scale) => scale !== 0, "must not be 0").default(1),
  mean: numbers.default([]),
  std: numbers.refine((values) => values.every((value) => value > 0), "every number must be above 0").default([]),
  elementType: elementTypes.default("float32"),
};

/** Pixels are 0 to 255. In this order: resized, cropped from the middle, channels put in order, inverted (255 − x), normalised, laid out. */
const image = z.strictObject({
  kind: z.literal("image"),
  ...ends,
  resize: z.strictObject({ width: side, height: side, fit: z.enum(["stretch", "cover", "contain"]).default("stretch") }).nullable().default(null),
  centreCrop: z.strictObject({ width: side, height: side }).nullable().default(null),
  channels: z.enum(["rgb", "bgr", "grey"]).default("rgb"),
  layout: z.enum(["nchw", "nhwc"]).default("nchw"),
  invert: z.boolean().default(false),
  ...normalising,
});

/** Rows of tables and arrays. */
const values = z.strictObject({ kind: z.literal("values"), ...ends, ...normalising });

/** Sounds between −1 and 1, cut or padded with silence. */
const audio = z.strictObject({
  kind: z.literal("audio"), ...ends,
  lengthSamples: z.number().int().min(1).max(10_000_000), channelAxis: z.boolean().default(false), scale: normalising.scale, elementType: normalising.elementType,
});

/** How an example of a dataset becomes a model's input (the steps are those of packages/datasets), and which output holds the scores. */
export const preprocessingSchema = z.discriminatedUnion("kind", [image, values, audio]);

export type Preprocessing = z.infer<typeof preprocessingSchema>;

/** With its defaults. `bad_request` naming the field, also when a name is none of the model's. */
export function parsePreprocessing(value: unknown, inspection: VersionInspection | null): Preprocessing {
  const parsed = preprocessingSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FleetError("bad_request", { public: `preprocessing.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}` });
  }
  const { input, output } = parsed.data;
  if (inspection !== null && input !== undefined) requireName("input", input, inspection.inputs);
  if (inspection !== null && output !== undefined) requireName("output", output, inspection.outputs);
  return parsed.data;
}

function requireName(field: string, wanted: string, specs: readonly { name: string }[]): void {
  if (specs.some((spec) => spec.name === wanted)) return;
  throw new FleetError("bad_request", { public: `preprocessing.${field}: the model has no ${field} called "${wanted.slice(0, 100)}".` });
}

/** The same steps for a variant, whose input may be of another type than its parent's: half precision is widened by most techniques. */
export function withElementType(preprocessing: Preprocessing, { inputs }: Pick<VersionInspection, "inputs">): Preprocessing {
  const input = inputs.find((spec) => spec.name === preprocessing.input) ?? inputs[0];
  const elementType = elementTypes.safeParse(input?.elementType);
  return elementType.success ? { ...preprocessing, elementType: elementType.data } : preprocessing;
}

const IMAGE_CHANNELS = [1, 3];

/** A first guess from the shape of the model's only input, for people to correct. */
export function suggestPreprocessing(inspection: Pick<VersionInspection, "inputs" | "origin">): Preprocessing | null {
  const [input, second] = inspection.inputs;
  if (input === undefined || second !== undefined) return null;
  const elementType = elementTypes.safeParse(input.elementType);
  if (!elementType.success) return null;
  const sizes = input.shape.map((size) => (typeof size === "number" && size > 0 ? size : null));
  const isScaled = inspection.origin?.normalizesInput === true;
  const [, a = null, b = null, c = null] = sizes;
  if (sizes.length === 4 && a !== null && IMAGE_CHANNELS.includes(a)) return imageGuess("nchw", a, c, b, elementType.data, isScaled);
  if (sizes.length === 4 && c !== null && IMAGE_CHANNELS.includes(c)) return imageGuess("nhwc", c, b, a, elementType.data, isScaled);
  return preprocessingSchema.parse({ kind: "values", elementType: elementType.data });
}

function imageGuess(layout: "nchw" | "nhwc", channels: number, width: number | null, height: number | null, elementType: string, isScaled: boolean): Preprocessing {
  const resize = width === null || height === null ? null : { width, height, fit: "stretch" };
  return preprocessingSchema.parse({ kind: "image", layout, channels: channels === 1 ? "grey" : "rgb", resize, scale: elementType === "uint8" || isScaled ? 1 : 1 / 255, elementType });
}
