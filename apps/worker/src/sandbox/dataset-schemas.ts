import { z } from "zod";

// As child-schemas.ts: what a child says of a dataset is a claim, for a hostile file may have taken the child over.

const CLASSES_MAX = 10_000;
const COLUMNS_MAX = 10_000;
const name = z.string().max(1_000);
const text = z.string().max(4_000);
const count = z.number().int().nonnegative();
const numbers = z.array(z.number()).max(COLUMNS_MAX);
const splitNames = ["train", "calibration", "validation", "test"] as const;
const perSplit = <T extends z.ZodType>(value: T) => z.object({ train: value, calibration: value, validation: value, test: value });

/** Of a `ReadDatasetOutput` (read-dataset.ts), what the import job keeps. */
export const readDatasetOutputSchema = z.object({
  header: z.object({
    kind: z.enum(["image", "tensor", "table", "audio"]),
    elementType: z.string().max(32),
    shape: z.array(count.nullable()).max(16),
    task: z.enum(["classification", "regression", "unlabelled"]),
    classes: z.array(name).max(CLASSES_MAX),
    features: z.array(name).max(COLUMNS_MAX).nullable(),
    sampleRateHz: z.number().nullable(),
    counts: perSplit(count),
    classCounts: perSplit(z.array(count).max(CLASSES_MAX)),
    duplicates: z.object({ examples: count, droppedAcrossSplits: count, conflictingLabels: count }),
    splitting: z.object({ method: z.string().max(64), seed: z.number(), fractions: perSplit(z.number()), groupedBy: name.nullable() }),
    source: z.object({ format: z.string().max(64), files: z.array(z.object({ name, sizeBytes: count, sha256: z.string().length(64) })).max(64) }),
    warnings: z.array(z.object({ code: z.string().max(100), count, sentence: text, places: z.array(text).max(100) })).max(1_000),
    statistics: z.object({ examples: count, min: numbers, max: numbers, mean: numbers, std: numbers }).nullable(),
  }),
  preview: z.object({
    sheets: z
      .array(
        z.object({
          split: z.enum(splitNames), image: z.string().max(1_500_000).regex(/^data:image\/(png|webp);base64,[A-Za-z0-9+/]*=*$/),
          width: count.max(8_192), height: count.max(8_192), cellSide: count.max(8_192), gap: count.max(1_000),
          rows: z.array(z.object({ className: name.nullable(), cells: z.array(z.object({ index: count, id: text })).max(64) })).max(64),
        }),
      )
      .max(splitNames.length),
    values: z.array(z.object({ name, min: z.number(), max: z.number(), mean: z.number(), std: z.number(), histogram: z.array(count).max(100) })).max(200),
  }),
});
