import { FleetError } from "@flotilla/protocol";
import { z } from "zod";
import type { VersionInspection } from "./types.ts";

const side = z.number().int().min(1).max(8_192);
const perChannel = z.array(z.number()).min(1).max(16);

/**
 * How an example of a dataset becomes a model's input, and which output holds the scores. Pixels are 0 to 255; in this order:
 * resized, cropped from the middle, channels put in order, multiplied by `scale`, less `mean`, divided by `std` (one number, or one
 * per channel in the order of `channels`), laid out.
 */
export const preprocessingSchema = z.strictObject({
  /** Name of the model's input; the only one when left out. */
  input: z.string().min(1).max(1_000).optional(),
  /** Name of the output with a score per class; the first when left out. */
  output: z.string().min(1).max(1_000).optional(),
  layout: z.enum(["nchw", "nhwc", "flat"]).default("nchw"),
  channels: z.enum(["rgb", "bgr", "grey"]).default("rgb"),
  resize: z.strictObject({ width: side, height: side, fit: z.enum(["stretch", "cover", "contain"]).default("stretch") }).nullable().default(null),
  crop: z.strictObject({ width: side, height: side }).nullable().default(null),
  scale: z.number().default(1 / 255),
  mean: perChannel.default([0]),
  std: perChannel.refine((values) => values.every((value) => value !== 0), "no number may be 0").default([1]),
});

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

function requireName(field: string, name: string, specs: readonly { name: string }[]): void {
  if (specs.some((spec) => spec.name === name)) return;
  throw new FleetError("bad_request", { public: `preprocessing.${field}: the model has no ${field} called "${name.slice(0, 100)}".` });
}

const IMAGE_CHANNELS = [1, 3];

/** A first guess from the shape of the model's only input, for people to correct; null when it does not look like an image. */
export function suggestPreprocessing(inspection: Pick<VersionInspection, "inputs">): Preprocessing | null {
  const [input, second] = inspection.inputs;
  if (input === undefined || second !== undefined) return null;
  const [, a, b, c] = input.shape.map((size) => (typeof size === "number" && size > 0 ? size : null));
  if (input.shape.length !== 4) return null;
  if (a != null && IMAGE_CHANNELS.includes(a)) return suggestion("nchw", a, c ?? null, b ?? null);
  if (c != null && IMAGE_CHANNELS.includes(c)) return suggestion("nhwc", c, b ?? null, a ?? null);
  return null;
}

function suggestion(layout: "nchw" | "nhwc", channels: number, width: number | null, height: number | null): Preprocessing {
  const resize = width === null || height === null ? null : { width, height, fit: "stretch" as const };
  return preprocessingSchema.parse({ layout, channels: channels === 1 ? "grey" : "rgb", resize });
}
