export { convertDataset } from "./convert-dataset.ts";
export { openDataset } from "./open-dataset.ts";
