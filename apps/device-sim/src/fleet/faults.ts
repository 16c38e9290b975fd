import { z } from "zod";

const milliseconds = z.number().nonnegative().max(31 * 86_400_000);

/**
 * Which devices a fault is for and when; without any of these: all, always. `share` is the part of the devices (0 to 1) it hits, the same
 * ones at every run of a seed. Times count from the start of the simulation; `everyMs` repeats them.
 */
const scope = {
  classes: z.array(z.string()).optional(),
  devices: z.array(z.string()).optional(),
  share: z.number().min(0).max(1).optional(),
  afterMs: milliseconds.optional(),
  durationMs: milliseconds.positive().optional(),
  everyMs: milliseconds.positive().optional(),
};

/** One fault or a list of them. */
function oneOrMany<T extends z.ZodType>(schema: T) {
  return z.union([schema.transform((fault) => [fault]), z.array(schema)]).optional();
}

export const faultsSchema = z.strictObject({
  /** The process that loads the model crashes. Which builds: by name, build id or version id; all when none is named. */
  crashOnLoad: oneOrMany(z.strictObject({ ...scope, buildName: z.string().optional(), buildId: z.string().optional(), versionId: z.string().optional(), always: z.boolean().optional() })),
  /** So many of a hundred inferences fail: a model that loads and does not work. */
  failInferences: oneOrMany(z.strictObject({ ...scope, percent: z.number().min(0).max(100).default(100) })),
  /** So many of a hundred downloads have a flipped byte. */
  corruptDownload: oneOrMany(z.strictObject({ ...scope, percent: z.number().min(0).max(100).default(100) })),
  /** No write to the disk finds space. */
  diskFull: oneOrMany(z.strictObject({ ...scope })),
  /** Every write to the disk takes so much longer. */
  slowDisk: oneOrMany(z.strictObject({ ...scope, delayMs: milliseconds })),
  /** Inferences take so many times longer. */
  slow: oneOrMany(z.strictObject({ ...scope, factor: z.number().positive().max(10_000) })),
  /** The device loses power: on average every `meanMs` (of the simulation, not of the device), and is away for `downMs`. */
  crash: oneOrMany(z.strictObject({ ...scope, meanMs: milliseconds.min(100), downMs: milliseconds.default(5_000) })),
  /** No network at all. */
  outage: oneOrMany(z.strictObject({ ...scope })),
  /** More requests than the network's own share get no answer. */
  loss: oneOrMany(z.strictObject({ ...scope, percent: z.number().min(0).max(100) })),
  /** The device goes on working and never calls. */
  silent: oneOrMany(z.strictObject({ ...scope })),
  /** The device's wall clock is wrong by so much, and runs fast (positive) or slow by so many parts in a million. */
  clockSkew: oneOrMany(z.strictObject({ ...scope, offsetMs: z.number().min(-1e12).max(1e12).default(0), driftPpm: z.number().min(-1e6).max(1e6).default(0) })),
});
export type Faults = z.infer<typeof faultsSchema>;

/** Who asks whether a fault is for them. `luck` in [0, 1) places the device among all, for faults that hit a share. */
export type Victim = { readonly name: string; readonly className: string; readonly luck?: number };

type Scope = {
  readonly classes?: readonly string[] | undefined; readonly devices?: readonly string[] | undefined; readonly share?: number | undefined;
  readonly afterMs?: number | undefined; readonly durationMs?: number | undefined; readonly everyMs?: number | undefined;
};

function isFor(fault: Scope, victim: Victim): boolean {
  if (fault.share !== undefined && (victim.luck ?? 0) >= fault.share) return false;
  if (fault.classes === undefined && fault.devices === undefined) return true;
  return (fault.classes?.includes(victim.className) ?? false) || (fault.devices?.includes(victim.name) ?? false);
}

function isNow(fault: Scope, elapsedMs: number): boolean {
  const since = elapsedMs - (fault.afterMs ?? 0);
  if (since < 0) return false;
  if (fault.durationMs === undefined) return true;
  return (fault.everyMs === undefined ? since : since % fault.everyMs) < fault.durationMs;
}

/** The faults whose time it is, `elapsedMs` after the start of the simulation. */
export function faultsAt(faults: Faults, elapsedMs: number): Faults {
  const active: [string, Scope[]][] = [];
  let hasEnded = false;
  for (const [kind, list] of Object.entries(faults) as [string, Scope[] | undefined][]) {
    const now = (list ?? []).filter((fault) => isNow(fault, elapsedMs));
    hasEnded ||= now.length !== (list ?? []).length;
    if (now.length > 0) active.push([kind, now]);
  }
  return hasEnded ? (Object.fromEntries(active) as Faults) : faults;
}

/** Moments (after the start) at which the set of faults in force changes, up to `untilMs`: the fault schedule. */
export function faultChanges(faults: Faults, untilMs: number): number[] {
  const times = new Set<number>();
  for (const fault of (Object.values(faults) as (Scope[] | undefined)[]).flatMap((list) => list ?? [])) {
    const { afterMs = 0, durationMs, everyMs } = fault;
    for (let at = afterMs; at <= untilMs; at += everyMs ?? Number.POSITIVE_INFINITY) {
      times.add(at);
      if (durationMs !== undefined && at + durationMs <= untilMs) times.add(at + durationMs);
    }
  }
  return [...times].toSorted((a, b) => a - b);
}

/** Whether loading this build crashes on that device. */
export function crashesOnLoad(faults: Faults, victim: Victim, build: { buildId: string; buildName: string; versionId: string }): boolean {
  return (faults.crashOnLoad ?? []).some((fault) => {
    if (!isFor(fault, victim)) return false;
    if (fault.always === true) return true;
    const named = [[fault.buildName, build.buildName], [fault.buildId, build.buildId], [fault.versionId, build.versionId]].filter(([wanted]) => wanted !== undefined);
    return named.every(([wanted, actual]) => wanted === actual);
  });
}

/** Share of that device's downloads that come damaged, 0 to 100. */
export function corruptPercent(faults: Faults, victim: Victim): number {
  return Math.max(0, ...(faults.corruptDownload ?? []).filter((fault) => isFor(fault, victim)).map((fault) => fault.percent));
}

/** Share of that device's inferences that fail, 0 to 100. */
export function failPercent(faults: Faults, victim: Victim): number {
  return (faults.failInferences ?? []).reduce((worst, fault) => (isFor(fault, victim) ? Math.max(worst, fault.percent) : worst), 0);
}

export function isDiskFull(faults: Faults, victim: Victim): boolean {
  return (faults.diskFull ?? []).some((fault) => isFor(fault, victim));
}

/** What every write of that device takes longer, in ms. */
export function diskDelayMs(faults: Faults, victim: Victim): number {
  return (faults.slowDisk ?? []).reduce((sum, fault) => (isFor(fault, victim) ? sum + fault.delayMs : sum), 0);
}

/** How many times longer that device's inferences take. */
export function slowFactor(faults: Faults, victim: Victim): number {
  return (faults.slow ?? []).filter((fault) => isFor(fault, victim)).reduce((product, fault) => product * fault.factor, 1);
}

/** Whether that device has no way to the server now, and what to call it. */
export function noNetwork(faults: Faults, victim: Victim): "outage" | "silent" | null {
  if ((faults.outage ?? []).some((fault) => isFor(fault, victim))) return "outage";
  return (faults.silent ?? []).some((fault) => isFor(fault, victim)) ? "silent" : null;
}

/** Requests without an answer beyond the network's own share, 0 to 100. */
export function extraLossPercent(faults: Faults, victim: Victim): number {
  return (faults.loss ?? []).reduce((worst, fault) => (isFor(fault, victim) ? Math.max(worst, fault.percent) : worst), 0);
}

/** How often that device loses power; null: never. */
export function crashRate(faults: Faults, victim: Victim): { meanMs: number; downMs: number } | null {
  return (faults.crash ?? []).find((fault) => isFor(fault, victim)) ?? null;
}

/** What that device's wall clock is wrong by, `elapsedMs` after the start. */
export function skewMs(faults: Faults, victim: Victim, elapsedMs: number): number {
  return (faults.clockSkew ?? []).reduce((sum, fault) => (isFor(fault, victim) ? sum + fault.offsetMs + (elapsedMs * fault.driftPpm) / 1e6 : sum), 0);
}
