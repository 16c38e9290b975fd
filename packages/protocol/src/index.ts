export { FLOTILLA_VERSION, FOLLOWS_REDIRECTS_HEADER, PROTOCOL_VERSION } from "./version.ts";
export { FleetError, assertNever, fleetErrorCodes, invariant, isRetryable, problemOf, problemSchema, statusOf } from "./errors.ts";
export type { FleetErrorCode, Problem } from "./errors.ts";
export {
  HISTOGRAM_ALPHA, HISTOGRAM_SLOTS, LONGEST_ENCODED_BYTES, LatencyHistogram, addSparsePairs, addSparseToEncoded, decodeSparse, encodeSparse, slotOf, slotUpperMs, slotValueMs, sparseBucketsSchema,
} from "./histogram.ts";
export type { SparseBuckets } from "./histogram.ts";
export { deviceClassSchema, labelKeySchema, labelValueSchema, labelsSchema, measuringModeSchema } from "./device-class.ts";
export type { DeviceClass, Labels, MeasuringMode } from "./device-class.ts";
export {
  artifactRefSchema, buildManifestSchema, buildSettingsSchema, fileNameSchema, modelFileOf, selectVariant, sha256Schema, tensorSpecSchema, variantSchema,
} from "./manifest.ts";
export type { ArtifactRef, BuildManifest, BuildSettings, TensorSpec, Variant, VariantRefusal } from "./manifest.ts";
export {
  SYNC_LIMITS, commandSchema, deploymentPhaseSchema, deploymentReportSchema, deviceFailureCodeSchema, recoverySchema, resourceReportSchema,
  runningReportSchema, slotReportSchema, syncRequestSchema, syncResponseSchema, targetSchema, telemetryBatchSchema, telemetryWindowSchema,
} from "./sync.ts";
export type {
  Command, DeploymentPhase, DeploymentReport, DeviceFailureCode, Recovery, ResourceReport, RunningReport, SlotReport, SyncRequest, SyncResponse,
  Target, TelemetryBatch, TelemetryWindow,
} from "./sync.ts";
export {
  deviceNameSchema, enrollProof, enrollRequestSchema, enrollResponseSchema, nonceResponseSchema, publicKeySchema, signatureSchema, tokenProof,
  tokenRequestSchema, tokenResponseSchema,
} from "./enrollment.ts";
export type { EnrollRequest, EnrollResponse, TokenRequest, TokenResponse } from "./enrollment.ts";
export { causeSchema } from "./cause.ts";
export type { Cause } from "./cause.ts";
