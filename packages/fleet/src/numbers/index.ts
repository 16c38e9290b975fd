export { compareVersions } from "./compare-store.ts";
export { keepEvaluation } from "./evaluation-store.ts";
export type { NewEvaluation } from "./evaluation-store.ts";
export { keepMeasurement } from "./measurement-store.ts";
export type { NewMeasurement } from "./measurement-store.ts";
export { pairedDifference } from "./paired-difference.ts";
export { shareOf } from "./share.ts";
export { versionReport } from "./report-store.ts";
export type * from "./types.ts";
