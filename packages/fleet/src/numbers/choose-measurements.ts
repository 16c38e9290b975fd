import type { MeasurementMode, MeasurementView } from "./types.ts";

/** Which of several measurements says most about a difference: taken in turns first. */
const PREFERENCE: Record<MeasurementMode, number> = { interleaved: 0, back_to_back: 1, scheduled: 2 };

/**
 * One measurement per version, all taken alike: same mode and machine, and for interleaved ones the same job. Null when no way of
 * measuring covers every version. `measurements` are newest first.
 */
export function comparableMeasurements(versionIds: readonly string[], measurements: readonly MeasurementView[]): Map<string, MeasurementView> | null {
  const groups = new Map<string, Map<string, MeasurementView>>();
  for (const measurement of measurements) {
    const key = [PREFERENCE[measurement.mode], measurement.machineId, measurement.mode === "interleaved" ? measurement.jobId : ""].join(" ");
    const group = groups.get(key) ?? new Map<string, MeasurementView>();
    if (!group.has(measurement.versionId)) group.set(measurement.versionId, measurement);
    groups.set(key, group);
  }
  const complete = [...groups].filter(([, group]) => versionIds.every((id) => group.has(id)));
  complete.sort(([a], [b]) => Number(a[0]) - Number(b[0]));
  return complete[0]?.[1] ?? null;
}
