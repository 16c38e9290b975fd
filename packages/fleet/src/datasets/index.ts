export { markDatasetReady, markDatasetRejected } from "./decision-store.ts";
export { datasetOptionsSchema } from "./options.ts";
export type { DatasetOptions, DatasetOptionsInput } from "./options.ts";
export { createDataset, getDataset, listDatasets } from "./store.ts";
export { createDatasetVersion, retryDatasetImport } from "./version-store.ts";
export { getDatasetVersion, getNumberedDatasetVersion, listDatasetVersions } from "./version-view-store.ts";
export type { DatasetPreview, DatasetSummary, DatasetVersionStateName, DatasetVersionView, DatasetView, Split } from "./types.ts";
