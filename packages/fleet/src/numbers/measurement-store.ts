import type { Tx } from "@flotilla/db";
import { recordChange } from "../changes/index.ts";
import type { VersionInspection } from "../models/index.ts";
import { machineIdOf } from "./machine.ts";
import type { MeasurementMode, MeasurementNumbers, MeasurementView } from "./types.ts";

/** As many as a page shows of one version; older ones stay in the rows. */
const SHOWN = 50;

export type NewMeasurement = { versionId: string; jobId: string; mode: MeasurementMode; numbers: MeasurementNumbers };

/** Keeps a measurement. A job that runs twice writes over its own. */
export async function keepMeasurement(tx: Tx, { versionId, jobId, mode, numbers }: NewMeasurement): Promise<void> {
  const found = { machineId: machineIdOf(numbers.machine), numbers, at: new Date() };
  await tx.measurement.upsert({
    where: { jobId_versionId_mode: { jobId, versionId, mode } },
    create: { versionId, jobId, mode, ...found },
    update: found,
  });
  await recordChange(tx, "version", versionId);
}

/** The measurements of these versions, newest first; those made at import among them, last. */
export async function measurementsOf(
  tx: Tx,
  versions: readonly { id: string; inspection: unknown; importJobId: string | null; decidedAt: Date | null }[],
): Promise<MeasurementView[]> {
  const rows = await tx.measurement.findMany({ where: { versionId: { in: versions.map(({ id }) => id) } }, orderBy: { id: "desc" }, take: SHOWN * versions.length });
  const kept = rows.map((row): MeasurementView => ({
    versionId: row.versionId, mode: row.mode as MeasurementMode, machineId: row.machineId, jobId: row.jobId, at: row.at.toISOString(), numbers: row.numbers as MeasurementNumbers,
  }));
  return [...kept, ...versions.flatMap((version) => ofImport(version))];
}

function ofImport({ id, inspection: found, importJobId, decidedAt }: { id: string; inspection: unknown; importJobId: string | null; decidedAt: Date | null }): MeasurementView[] {
  const inspection = found as VersionInspection | null;
  if (inspection === null) return [];
  const { latencyMs, loadMs, firstRunMs, peakMemoryBytes, measuredOn: machine } = inspection;
  const numbers: MeasurementNumbers = { latencyMs, loadMs, firstRunMs, peakMemoryBytes, machine, speedUp: null };
  return [{ versionId: id, mode: "back_to_back", machineId: machineIdOf(machine), jobId: importJobId ?? "", at: (decidedAt ?? new Date(0)).toISOString(), numbers }];
}
