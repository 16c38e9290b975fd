import { FleetError } from "@flotilla/protocol";
import { z } from "zod";

const id = z.string().min(1).max(64);

/**
 * Every kind of job: what its payload is, how long one attempt may take, and how many attempts it gets before it is
 * given up. The worker's handlers are typed over this object, so a kind without a handler does not compile.
 * A payload field added later must be optional until older jobs have drained.
 */
export const jobCatalogue = {
  /**
   * Looks at an uploaded model version (1 GiB of weights is read in some 10 s and opened, run and measured within two minutes) or at
   * an uploaded dataset version (60,000 small images are decoded in some 2 minutes).
   */
  import: { payload: z.union([z.strictObject({ versionId: id }), z.strictObject({ datasetVersionId: id })]), timeLimitMs: 30 * 60_000, maxAttempts: 3 },
  /** Writes the manifest and golden sets of a build with up to 16 variants. */
  build: { payload: z.strictObject({ buildId: id }), timeLimitMs: 20 * 60_000, maxAttempts: 3 },
  /** Times a version on the worker's machine. `runs` is the least number of timed runs per mode. */
  benchmark: {
    payload: z.strictObject({
      versionId: id,
      mode: z.enum(["back_to_back", "scheduled", "both"]).optional(),
      runs: z.number().int().min(16).max(100_000).optional(),
    }),
    timeLimitMs: 10 * 60_000,
    maxAttempts: 3,
  },
  /** Runs a split of a dataset version through a version and counts what was right. */
  evaluate: {
    payload: z.strictObject({ versionId: id, datasetVersionId: id, split: z.enum(["train", "calibration", "validation", "test"]).optional() }),
    timeLimitMs: 60 * 60_000,
    maxAttempts: 3,
  },
  /** Applies a recipe: each technique makes, checks, evaluates and times one candidate. Finished steps are kept between attempts. */
  optimize: { payload: z.strictObject({ optimizationId: id }), timeLimitMs: 4 * 3600_000, maxAttempts: 3 },
  /** Trains a network until its budget is used up, which is a week at most. A checkpoint is kept after every epoch. */
  train: { payload: z.strictObject({ trainingId: id }), timeLimitMs: 8 * 24 * 3600_000, maxAttempts: 10 },
} as const satisfies Record<string, { payload: z.ZodType; timeLimitMs: number; maxAttempts: number }>;

export type JobKind = keyof typeof jobCatalogue;
export type JobPayload<K extends JobKind> = z.infer<(typeof jobCatalogue)[K]["payload"]>;

/** The kinds by name, in the catalogue's order. */
export const jobKinds = Object.keys(jobCatalogue) as [JobKind, ...JobKind[]];

/** Whether this version of the product knows the kind. */
export function isJobKind(kind: string): kind is JobKind {
  return Object.hasOwn(jobCatalogue, kind);
}

/** The payload of a job, checked against its kind. `bad_request` when either is not valid. */
export function parseJobPayload<K extends JobKind>(kind: K, payload: unknown): JobPayload<K> {
  if (!isJobKind(kind)) throw new FleetError("bad_request", { public: `There is no kind of job called "${String(kind).slice(0, 40)}".` });
  const parsed = jobCatalogue[kind].payload.safeParse(payload);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FleetError("bad_request", { public: `${issue?.path.join(".") || "payload"}: ${issue?.message ?? "not valid"}` });
  }
  return parsed.data as JobPayload<K>;
}
