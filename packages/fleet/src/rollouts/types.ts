import type { Cause } from "@flotilla/protocol";

export type RolloutStateName = "draft" | "running" | "paused" | "halted" | "rolling_back" | "rolled_back" | "cancelled" | "superseded" | "completed";
export type WaveStateName = "pending" | "active" | "soaking" | "passed" | "failed" | "skipped";
export type DeploymentStateName =
  | "queued" | "offered" | "downloading" | "installing" | "verifying" | "succeeded" | "failed" | "rolled_back" | "timed_out" | "cancelled" | "skipped" | "superseded";

/** Numbers by which a rollout behaves; every field has a default. */
export type RolloutPolicy = {
  /** From offer to pick-up there is no failure; from pick-up an attempt may take this long. Default 30 min. */
  inProgressTimeoutMs: number;
  /** From the switch to the new build on, the device may take this long to say how it went. Default 10 min. */
  verifyTimeoutMs: number;
  /** Attempts a device makes on failures that may pass. Default 2. */
  maxAttempts: number;
  /** A device not seen for this long is unreachable: counted apart, updated when it comes back. Default: 3 × the sync interval of the moment, at least 30 s. */
  offlineAfterMs: number;
  /** Failures are judged only from this many resolved devices on (a single failure of a first wave counts at once). Default 5. */
  minSample: number;
  /** A wave whose reachable devices have not answered in this time halts the rollout (silence). Default 60 min. */
  waveTimeoutMs: number;
  /** Most devices between offer and end at any moment; null for no limit. With a limit only reachable devices are offered the build. */
  maxInFlight: number | null;
};

/** Counts of the forward deployments; `unreachable` overlaps with unresolved ones. Sum of states = total. */
export type RolloutCounts = {
  total: number; queued: number; offered: number; downloading: number; installing: number; verifying: number;
  succeeded: number; failed: number; rolledBack: number; timedOut: number; cancelled: number; skipped: number; superseded: number;
  /** Unresolved devices that are not reachable now. */
  unreachable: number;
  /** succeeded + failed + rolledBack + timedOut */
  resolved: number;
};

export type WaveView = {
  position: number; percent: number; soakSeconds: number; maxFailurePercent: number; state: WaveStateName;
  openedAt: string | null; soakUntil: string | null; finishedAt: string | null; counts: RolloutCounts;
};

export type RolloutView = {
  id: string; name: string; state: RolloutStateName; cause: Cause | null; version: number;
  build: { id: string; name: string }; fleet: { id: string; name: string }; query: string;
  policy: RolloutPolicy; waves: WaveView[];
  counts: RolloutCounts;
  /** Of the deployments that take devices back; null before a roll back. */
  rollbackCounts: RolloutCounts | null;
  /** Buttons that work now; every other one has its reason. */
  actions: { action: RolloutAction; allowed: boolean; reason: string | null }[];
  /** The one sentence on top of the page: state, cause, whether it is spreading. */
  verdict: string;
  /** Devices offered the build in the last minute. */
  offeredLastMinute: number;
  createdAt: string; createdByName: string; startedAt: string | null; finishedAt: string | null;
};

/** One wave as it is asked for; `percent` is cumulative. Defaults: 60 s of soaking, 10 % failures. */
export type WaveInput = { percent: number; soakSeconds?: number | undefined; maxFailurePercent?: number | undefined };

export type RolloutAction = "start" | "pause" | "resume" | "cancel" | "rollback" | "approve";

export type DeploymentView = {
  id: string; deviceId: string; deviceName: string; className: string; simulated: boolean; direction: "forward" | "rollback";
  wave: number; state: DeploymentStateName; reachable: boolean; skipReason: string | null; failureCode: string | null; failureDetail: string | null;
  recovery: string | null; previousBuild: { id: string; name: string } | null; attempt: number;
  offeredAt: string | null; deadlineAt: string | null; finishedAt: string | null; updatedAt: string;
};

export type RolloutEventView = { id: string; at: string; actorKind: string; actorName: string; kind: string; sentence: string; detail: unknown };

/** What starting would do, before it is done. */
export type RolloutPreview = {
  eligible: number;
  excluded: { reason: "no_variant" | "already_running" | "revoked" | "in_other_rollout"; sentence: string; devices: number; sample: { id: string; name: string }[] }[];
  /** What to know of devices that take part. */
  cautions: { devices: number; sentence: string }[];
  unreachable: number;
  waves: { percent: number; devices: number; byClass: { className: string; devices: number }[] }[];
  /** The plan as one plain sentence. */
  sentence: string;
};

/** Failures that look alike: same code, same detail, same device class. Largest group first. */
export type FailureGroup = {
  code: string; detail: string | null; className: string; devices: number;
  sample: { deploymentId: string; deviceId: string; deviceName: string }[];
};
