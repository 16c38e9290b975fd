import { z } from "zod";

/** Which devices a fault is for; without any, all. */
const scope = { classes: z.array(z.string()).optional(), devices: z.array(z.string()).optional() };

/** One fault or a list of them. */
function oneOrMany<T extends z.ZodType>(schema: T) {
  return z.union([schema.transform((fault) => [fault]), z.array(schema)]).optional();
}

export const faultsSchema = z.strictObject({
  /** The process that loads the model crashes. Which builds: by name, build id or version id; all when none is named. */
  crashOnLoad: oneOrMany(z.strictObject({ ...scope, buildName: z.string().optional(), buildId: z.string().optional(), versionId: z.string().optional(), always: z.boolean().optional() })),
  /** So many of a hundred downloads have a flipped byte. */
  corruptDownload: oneOrMany(z.strictObject({ ...scope, percent: z.number().min(0).max(100).default(100) })),
  /** No write to the disk finds space. */
  diskFull: oneOrMany(z.strictObject({ ...scope })),
  /** Inferences take so many times longer. */
  slow: oneOrMany(z.strictObject({ ...scope, factor: z.number().positive().max(10_000) })),
});
export type Faults = z.infer<typeof faultsSchema>;

/** Who asks whether a fault is for them. */
export type Victim = { readonly name: string; readonly className: string };

type Scope = { readonly classes?: readonly string[] | undefined; readonly devices?: readonly string[] | undefined };

function isFor(fault: Scope, victim: Victim): boolean {
  if (fault.classes === undefined && fault.devices === undefined) return true;
  return (fault.classes?.includes(victim.className) ?? false) || (fault.devices?.includes(victim.name) ?? false);
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

export function isDiskFull(faults: Faults, victim: Victim): boolean {
  return (faults.diskFull ?? []).some((fault) => isFor(fault, victim));
}

/** How many times longer that device's inferences take. */
export function slowFactor(faults: Faults, victim: Victim): number {
  return (faults.slow ?? []).filter((fault) => isFor(fault, victim)).reduce((product, fault) => product * fault.factor, 1);
}
