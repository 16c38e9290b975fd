import { FleetError } from "@flotilla/protocol";
import { z } from "zod";

const share = z.number().min(0).max(1);
const text = z.string().min(1).max(200);

/**
 * How uploaded files become examples. Everything that decides what the examples are is in here, so that a version can be made
 * again. What is left out is found out from the files.
 */
export const datasetOptionsSchema = z.strictObject({
  format: z.enum(["auto", "image-folder", "idx", "npy", "npz", "csv", "wav-folder"]).default("auto"),
  /** Deals to splits what the files do not deal out themselves, stratified by class. */
  seed: z.number().int().min(0).max(2 ** 31 - 1).default(1),
  fractions: z
    .strictObject({ train: share, calibration: share, validation: share, test: share })
    .refine((shares) => Math.abs(Object.values(shares).reduce((sum, value) => sum + value, 0) - 1) < 1e-6, "the shares must add up to 1")
    .optional(),
  /** Examples whose file names begin alike, up to this character, stay in one split. */
  groupPrefix: z.string().min(1).max(8).optional(),
  /** The same by the value of a column. */
  groupColumn: text.optional(),
  /** Order and names of the classes, when a trained model expects one. */
  classes: z.array(text).min(1).max(10_000).optional(),
  /** Share of the examples that may be unusable; they are left out and reported. */
  toleratedDefects: share.optional(),
  task: z.enum(["auto", "classification", "regression"]).optional(),
  /** Tables; null: there is none. */
  labelColumn: text.nullable().optional(),
  ignoreColumns: z.array(text).max(10_000).optional(),
  /** Arrays of an NPZ file. */
  xKey: text.optional(),
  yKey: text.nullable().optional(),
  /** Sounds are cut or padded to this length. */
  lengthSamples: z.number().int().min(1).max(10_000_000).optional(),
});

export type DatasetOptions = z.infer<typeof datasetOptionsSchema>;
/** As people give them: what has a default may be left out. */
export type DatasetOptionsInput = z.input<typeof datasetOptionsSchema>;

/** The options with their defaults. `bad_request` naming the field. */
export function parseDatasetOptions(options: unknown): DatasetOptions {
  const parsed = datasetOptionsSchema.safeParse(options ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FleetError("bad_request", { public: `options.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}` });
}
