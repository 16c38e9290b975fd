export { convertDataset } from "./convert-dataset.ts";
export { openDataset } from "./open-dataset.ts";
export { DATASET_REFUSAL_CODES } from "./dataset-refusal.ts";
export type { Dataset, DatasetHeader, Example } from "./types.ts";
