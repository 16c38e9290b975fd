import { parseAsString, parseAsStringLiteral } from "nuqs";

/**
 * What a page that leads here names: a dataset version to learn from, a model version to go on from, one to learn from as well,
 * and how it is rounded; and what is chosen of templates. */
export const newTrainingParams = { dataset: parseAsString, version: parseAsString, teacher: parseAsString, rounding: parseAsStringLiteral(["int8", "w4a8"]), template: parseAsString, preset: parseAsString };
