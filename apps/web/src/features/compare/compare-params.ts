import { parseAsArrayOf, parseAsFloat, parseAsString, parseAsStringLiteral } from "nuqs";

/** Everything the page shows is in the URL, so that it can be sent to a colleague. */
export const compareParams = {
  versions: parseAsArrayOf(parseAsString).withDefault([]),
  baseline: parseAsString,
  /** A dataset version and its split; the server chooses when left out. */
  dataset: parseAsString,
  split: parseAsStringLiteral(["train", "calibration", "validation", "test"] as const),
  /** The budget: ms at the median, percent right, points below the baseline, MiB on disk. */
  maxMs: parseAsFloat, minAccuracy: parseAsFloat, maxDrop: parseAsFloat, maxMiB: parseAsFloat,
};
