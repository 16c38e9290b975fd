export { markVersionReady, markVersionRejected } from "./decision-store.ts";
export { createModel, getModel, listModels, removeAlias, setAlias } from "./store.ts";
export { safeFileName } from "./version-files.ts";
export { createVersion, retryImport } from "./version-store.ts";
export { getVersion, listVersions, versionUse } from "./version-view-store.ts";
export type * from "./types.ts";
