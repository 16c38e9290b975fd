// The only door to PostgreSQL. Nothing outside this package imports Prisma, pg or pg-boss.

export { connect, type ConnectOptions, type Db } from "./connect.ts";
export { withTx, type TransactionOptions, type Tx } from "./transaction.ts";
export { sqlOf, withSql, type Sql } from "./sql.ts";
export { typedArray } from "./typed-array.ts";
export { driverCode, isConnectionLoss } from "./database-error.ts";
export { listen, notify } from "./listen.ts";
export { withAdvisoryLock, type AdvisoryLockResult } from "./advisory-lock.ts";
export { enqueueJob, startJobConsumer, type JobConsumerOptions } from "./queue.ts";
export { watchProcess } from "./embedded/process-identity.ts";
export { testDb, type TestDb } from "./testing/test-databases.ts";
export { Prisma } from "./generated/prisma/client.ts";

// Rows, by the names of prisma/schema.prisma.
export type {
  Account,
  ApiKey,
  Artifact,
  AuditEvent,
  Build,
  BuildVariant,
  ChangeEvent,
  Dataset,
  DatasetFile,
  DatasetVersion,
  Deployment,
  Device,
  DeviceKeyChange,
  DeviceLatency,
  DeviceLive,
  DeviceTarget,
  EnrollmentToken,
  Fleet,
  IdempotencyRecord,
  Evaluation,
  Job,
  JobLog,
  JobMetric,
  JobStep,
  LatencyDay,
  LatencyHour,
  LatencyMinute,
  Measurement,
  Model,
  ModelAlias,
  ModelVersion,
  Optimization,
  OptimizationResult,
  Training,
  Rollout,
  RolloutEvent,
  Session,
  SignInLink,
  Simulation,
  SimulationRunner,
  TelemetryWatermark,
  Upload,
  UploadPart,
  User,
  Verification,
  VersionCounter,
  VersionFile,
  Wave,
} from "./generated/prisma/client.ts";

// States and other closed lists: each is an object of its values and a type.
export {
  BuildState,
  DeploymentDirection,
  DeploymentState,
  DeviceState,
  JobState,
  KeyChangeState,
  Role,
  RolloutState,
  SimulationState,
  SimulationWish,
  SignInLinkPurpose,
  UploadState,
  VersionState,
  WaveState,
} from "./generated/prisma/enums.ts";
