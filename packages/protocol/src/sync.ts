import { z } from "zod";
import { deviceClassSchema, measuringModeSchema } from "./device-class.ts";
import { sparseBucketsSchema } from "./histogram.ts";
import { artifactRefSchema, sha256Schema } from "./manifest.ts";

/** Bounds of one sync, so that a gateway's work per call is bounded too. */
export const SYNC_LIMITS = { bodyBytes: 256 * 1024, windows: 512, droppedRanges: 64 } as const;

const idSchema = z.string().min(1).max(64);
const countSchema = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** What a device attests to be running: digests of the bytes re-read from its disk. */
export const runningReportSchema = z.object({
  buildId: idSchema,
  manifestSha256: sha256Schema,
  versionId: idSchema,
  modelSha256: sha256Schema,
  /** Monotonic age of the running session in ms. */
  runningForMs: z.number().nonnegative(),
});
export type RunningReport = z.infer<typeof runningReportSchema>;

export const slotReportSchema = z.object({
  slot: z.enum(["a", "b"]),
  /** bad = its build failed here and is not tried again by itself. */
  state: z.enum(["empty", "partial", "ready", "active", "bad"]),
  buildId: idSchema.nullable(),
  manifestSha256: sha256Schema.nullable(),
});
export type SlotReport = z.infer<typeof slotReportSchema>;

/** Phases of an install, in order; the last two are ends. */
export const deploymentPhaseSchema = z.enum(["downloading", "installing", "verifying", "succeeded", "failed"]);
export type DeploymentPhase = z.infer<typeof deploymentPhaseSchema>;

/** Why a device could not install. `download`, `io`, `disk_full` and `timeout` may succeed on another attempt. */
export const deviceFailureCodeSchema = z.enum([
  "download", "io", "disk_full", "timeout", "digest_mismatch", "manifest_invalid",
  "incompatible", "load_failed", "probe_failed", "probation_failed", "cancelled",
]);
export type DeviceFailureCode = z.infer<typeof deviceFailureCodeSchema>;

/** What a device runs after a failure (the taxonomy of AWS Greengrass v2's deployment statuses). */
export const recoverySchema = z.enum(["no_state_change", "rollback_complete", "unable_to_roll_back", "rollback_not_requested"]);
export type Recovery = z.infer<typeof recoverySchema>;

export const deploymentReportSchema = z.object({
  deploymentId: idSchema,
  targetVersion: z.number().int().positive(),
  attempt: z.number().int().positive(),
  phase: deploymentPhaseSchema,
  bytesDone: countSchema.optional(),
  bytesTotal: countSchema.optional(),
  /** Set with phase "succeeded": how the probe went. */
  probe: z.object({ passed: z.boolean(), loadMs: z.number().nonnegative(), maxAbsError: z.number().nonnegative().nullable() }).optional(),
  failure: z.object({ code: deviceFailureCodeSchema, detail: z.string().max(1000), recovery: recoverySchema }).optional(),
});
export type DeploymentReport = z.infer<typeof deploymentReportSchema>;

export const resourceReportSchema = z.object({
  rssBytes: countSchema,
  freeMemoryBytes: countSchema,
  freeDiskBytes: countSchema,
  /** Windows waiting on the device's disk. */
  queuedWindows: countSchema,
  temperatureC: z.number().min(-100).max(300).nullable(),
});
export type ResourceReport = z.infer<typeof resourceReportSchema>;

/** One minute of one (build, model version, mode). `seq` rises by one per window within an epoch. */
export const telemetryWindowSchema = z.object({
  seq: z.number().int().positive(),
  buildId: idSchema,
  versionId: idSchema,
  mode: measuringModeSchema,
  /** Start of the minute by the device's wall clock, Unix ms: for display only. */
  wallMs: z.number().int(),
  /** Monotonic time from the start of the minute to the moment the request was made; null when recorded in an earlier boot. */
  ageMs: z.number().nonnegative().nullable(),
  count: countSchema,
  errors: countSchema,
  sumMs: z.number().nonnegative(),
  minMs: z.number().nonnegative().nullable(),
  maxMs: z.number().nonnegative().nullable(),
  buckets: sparseBucketsSchema,
});
export type TelemetryWindow = z.infer<typeof telemetryWindowSchema>;

/**
 * A contiguous piece of a device's ledger: windows and declared losses together tile [first, last].
 * Produced = stored + declared dropped, exactly.
 */
export const telemetryBatchSchema = z
  .object({
    epoch: z.string().regex(/^[0-9a-f]{16}$/),
    first: z.number().int().positive(),
    last: z.number().int().positive(),
    windows: z.array(telemetryWindowSchema).max(SYNC_LIMITS.windows),
    dropped: z.array(z.tuple([z.number().int().positive(), z.number().int().positive()])).max(SYNC_LIMITS.droppedRanges).optional(),
  })
  .refine(tiles, "windows and dropped ranges must cover first … last exactly once");
export type TelemetryBatch = z.infer<typeof telemetryBatchSchema>;

function tiles(batch: { first: number; last: number; windows: readonly { seq: number }[]; dropped?: readonly (readonly [number, number])[] | undefined }): boolean {
  const ranges = [...batch.windows.map((w) => [w.seq, w.seq] as const), ...(batch.dropped ?? [])].toSorted((a, b) => a[0] - b[0]);
  let next = batch.first;
  for (const [from, to] of ranges) {
    if (from !== next || to < from) return false;
    next = to + 1;
  }
  return next === batch.last + 1;
}

export const syncRequestSchema = z.object({
  protocol: z.number().int().positive(),
  /** Random per start of the agent process. */
  bootId: z.string().min(8).max(64),
  report: z.object({
    agentVersion: z.string().max(32),
    /** Newest target version the device has stored; 0 for none. */
    targetVersion: z.number().int().nonnegative(),
    running: runningReportSchema.nullable(),
    slots: z.array(slotReportSchema).max(2),
    deployment: deploymentReportSchema.optional(),
    class: deviceClassSchema,
    resources: resourceReportSchema,
  }),
  telemetry: telemetryBatchSchema.optional(),
});
export type SyncRequest = z.infer<typeof syncRequestSchema>;

/** What a device should run. `build` null means "no model". Unsigned in protocol 1; a later version wraps it (docs/adr). */
export const targetSchema = z.object({
  targetVersion: z.number().int().positive(),
  deploymentId: idSchema.nullable(),
  build: z.object({ buildId: idSchema, name: z.string().max(128), manifest: artifactRefSchema }).nullable(),
  /** Attempts the device may make before it reports failure. */
  maxAttempts: z.number().int().positive(),
  /** Time an attempt may take on the device, by its monotonic clock. */
  attemptTimeoutMs: z.number().int().positive(),
});
export type Target = z.infer<typeof targetSchema>;

export const commandSchema = z.discriminatedUnion("kind", [
  /** Stop an install that has not switched yet. */
  z.object({ kind: z.literal("cancel"), deploymentId: idSchema }),
]);
export type Command = z.infer<typeof commandSchema>;

export const syncResponseSchema = z.object({
  serverTime: z.string(),
  /** Wait this long before the next sync; already jittered by the server, drawn afresh each time. */
  syncAfterMs: z.number().int().positive(),
  target: targetSchema.optional(),
  /** Everything up to `seq` is stored: the device may delete it, and sends seq + 1 next. */
  ack: z.object({ epoch: z.string(), seq: z.number().int().nonnegative() }).optional(),
  commands: z.array(commandSchema),
});
export type SyncResponse = z.infer<typeof syncResponseSchema>;
