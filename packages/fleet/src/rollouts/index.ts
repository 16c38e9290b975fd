// Taking a build to a fleet in waves. Words and rules: docs/rollouts.md.
export type * from "./types.ts";
export {
  approveRollout, cancelRollout, createRollout, pauseRollout, resumeRollout, rollbackRollout, startRollout,
  type CreateRolloutInput, type RolloutActionInput,
} from "./actions.ts";
export { evaluateRollouts, type Evaluation } from "./evaluate.ts";
export { defaultPolicy as defaultRolloutPolicy } from "./policy.ts";
export type { ArtifactQuestion } from "./device-artifacts-store.ts";
export { areArtifactsOfDevices } from "./device-artifacts-store.ts";
export { previewRollout } from "./preview.ts";
export { reportDeployments, type DeploymentReportItem } from "./report-store.ts";
export { reissueTargets } from "./reissue-store.ts";
export { TARGETS_CHANNEL, targetsOf, targetsSince, type DeviceTargetEntry } from "./targets-store.ts";
export { failureGroups, getRollout, listDeployments, listRollouts, rolloutEvents } from "./views.ts";
