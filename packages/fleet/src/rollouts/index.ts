export type * from "./types.ts";
export { reportDeployments, type DeploymentReportItem } from "./report-store.ts";
export { TARGETS_CHANNEL, targetsOf, targetsSince, type DeviceTargetEntry } from "./targets-store.ts";
