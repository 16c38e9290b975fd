import { parseAsString } from "nuqs";

/** What a page that leads here names: a dataset version to learn from, a model version to go on from; and what is chosen of templates. */
export const newTrainingParams = { dataset: parseAsString, version: parseAsString, template: parseAsString, preset: parseAsString };
