export { claimForRunner } from "./claim-store.ts";
export { deliverFromRunner } from "./deliver-store.ts";
export { completeRunnerUpload, startRunnerUpload } from "./upload-store.ts";
export { reportFromRunner } from "./report-store.ts";
export type * from "./types.ts";
