export type {
  ConvertContext,
  Dataset,
  DatasetFormat,
  DatasetHeader,
  DatasetKind,
  DatasetOptions,
  DatasetSource,
  DatasetStatistics,
  DatasetWarning,
  Example,
  ImageExample,
  NamedFile,
  Split,
  SplitFractions,
  ValuesExample,
} from "./types.ts";
export type { DatasetRefusalCode } from "./dataset-refusal.ts";
export { DATASET_REFUSAL_CODES, DatasetRefusal } from "./dataset-refusal.ts";
export type { DatasetLimits } from "./limits.ts";
export { DATASET_LIMITS } from "./limits.ts";
export { convertDataset } from "./convert-dataset.ts";
export { DEFAULT_FRACTIONS } from "./file/dataset-writer.ts";
export { openDataset } from "./open-dataset.ts";
export type { AudioPreprocessing, ImagePreprocessing, InputElementType, Preprocessing, ValuesPreprocessing } from "./preprocessing/preprocessing.ts";
export { parsePreprocessing } from "./preprocessing/preprocessing.ts";
export type { PreprocessedInput } from "./preprocessing/preprocess.ts";
export { preprocess } from "./preprocessing/preprocess.ts";
export type { ModelInput, PreprocessingGuess } from "./preprocessing/guess-preprocessing.ts";
export { guessPreprocessing } from "./preprocessing/guess-preprocessing.ts";
export type { Picture } from "./preview/picture.ts";
export type { PreviewGrid, PreviewOptions } from "./preview/preview-grid.ts";
export { examplePicture, previewGrid, waveformPicture } from "./preview/preview-grid.ts";
export type { DatasetSummary, ValueSummary } from "./preview/summarize-dataset.ts";
export { summarizeDataset } from "./preview/summarize-dataset.ts";
export type { SyntheticDigit, SyntheticDigits } from "./digits/synthetic-digits.ts";
export { renderSyntheticDigit, renderSyntheticDigits } from "./digits/synthetic-digits.ts";
export { writeSyntheticDigits } from "./digits/write-synthetic-digits.ts";
// The corpus of uploads that must be refused, for tests of every door data can come in by.
export type { HostileDataset } from "./testing/hostile-datasets.ts";
export { hostileDatasets } from "./testing/hostile-datasets.ts";
