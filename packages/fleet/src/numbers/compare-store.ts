import type { Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import type { Split } from "../datasets/index.ts";
import type { VersionInspection } from "../models/index.ts";
import { requireRole, type Principal } from "../principal.ts";
import { comparableMeasurements } from "./choose-measurements.ts";
import { evaluationsOf, outcomesOf } from "./evaluation-store.ts";
import { measurementsOf } from "./measurement-store.ts";
import { pairedDifference, worstClassOf, type Outcomes } from "./paired-difference.ts";
import { frontOf } from "./pareto.ts";
import type { ComparedVersion, CompareView, EvaluationView, MeasurementView, VariantReport } from "./types.ts";

/** As many as a page can show side by side. */
const MAX_VERSIONS = 12;

type CompareInput = {
  versionIds: readonly string[];
  /** The first of the versions when left out. */
  baselineId?: string | undefined;
  /** The newest that all were evaluated on when left out. */
  datasetVersionId?: string | undefined;
  split?: Split | undefined;
};

/** Versions side by side, with differences to one of them. Numbers that were not measured alike are left out, not mixed. */
export async function compareVersions(tx: Tx, principal: Principal, input: CompareInput): Promise<CompareView> {
  requireRole(principal, "models", "viewer");
  const ids = [...new Set(input.versionIds)];
  if (ids.length < 1 || ids.length > MAX_VERSIONS) throw new FleetError("bad_request", { public: `1 to ${MAX_VERSIONS} versions can be compared.` });
  const baselineId = input.baselineId ?? ids[0] ?? "";
  if (!ids.includes(baselineId)) throw new FleetError("bad_request", { public: "The baseline is not among the versions." });
  const found = await tx.modelVersion.findMany({ where: { id: { in: ids } }, include: { model: { select: { name: true } } } });
  const rows = ids.map((id) => found.find((row) => row.id === id) ?? missing(id));
  const reports = new Map((await tx.versionReport.findMany({ where: { versionId: { in: ids } } })).map((row) => [row.versionId, row.report as VariantReport]));
  const evaluations = chooseEvaluations(ids, await evaluationsOf(tx, ids), input);
  const latencies = comparableMeasurements(ids, await measurementsOf(tx, rows));
  const sample = evaluations.get(baselineId) ?? [...evaluations.values()][0];
  const outcomes = sample === undefined ? new Map<string, Outcomes>() : await outcomesOf(tx, ids, sample.datasetVersionId, sample.numbers.split);
  const measured = latencies?.get(baselineId);
  const versions = rows.map((row) => comparedVersion(row, reports.get(row.id), evaluations.get(row.id), latencies?.get(row.id), measured));
  const front = frontOf(versions.map((version) => ({ sizeBytes: version.sizeBytes, latencyMs: version.comparableMs, accuracy: version.accuracy?.value ?? null })));
  return {
    baselineId,
    accuracyOn: sample === undefined ? null : { datasetVersionId: sample.datasetVersionId, datasetId: sample.datasetId, datasetName: sample.datasetName, datasetNumber: sample.datasetNumber, split: sample.numbers.split },
    latencyOn: measured === undefined ? null : { mode: measured.mode, machine: measured.numbers.machine, method: measured.numbers.latencyMs.method },
    latencyWhyNot: measured === undefined ? "No machine has measured all of these in the same way. Start a benchmark of each." : null,
    versions: versions.map((version, index) => ({ ...version, isOnFront: front[index] ?? null, delta: version.id === baselineId ? null : deltaOf(version, versions, { baselineId, evaluations, outcomes, latencies }) })),
    classes: classesOf(versions, evaluations),
  };
}

function missing(id: string): never {
  throw new FleetError("not_found", { public: `There is no model version ${id.slice(0, 64)}.` });
}

/** Of each version the evaluation on one split of one dataset: the one asked for, else the one that most versions have. */
function chooseEvaluations(ids: readonly string[], all: readonly EvaluationView[], { datasetVersionId, split }: CompareInput): Map<string, EvaluationView> {
  const groups = new Map<string, Map<string, EvaluationView>>();
  for (const evaluation of all) {
    if (datasetVersionId !== undefined && evaluation.datasetVersionId !== datasetVersionId) continue;
    if (evaluation.numbers.split !== (split ?? "test")) continue;
    const group = groups.get(evaluation.datasetVersionId) ?? new Map<string, EvaluationView>();
    group.set(evaluation.versionId, evaluation);
    groups.set(evaluation.datasetVersionId, group);
  }
  const covered = (group: ReadonlyMap<string, EvaluationView>): number => ids.filter((id) => group.has(id)).length;
  return [...groups.values()].sort((a, b) => covered(b) - covered(a))[0] ?? new Map<string, EvaluationView>();
}

type Row = { id: string; modelId: string; number: number; variantLabel: string | null; variantKind: string | null; offered: boolean; notOfferedReason: string | null; sizeBytes: bigint; inspection: unknown; model: { name: string } };

function comparedVersion(row: Row, report: VariantReport | undefined, evaluation: EvaluationView | undefined, measurement: MeasurementView | undefined, baseline: MeasurementView | undefined): ComparedVersion {
  const inspection = row.inspection as VersionInspection | null;
  const ratio = ratioInTurns(measurement, baseline?.versionId);
  return {
    id: row.id,
    modelId: row.modelId,
    modelName: row.model.name,
    number: row.number,
    label: row.variantLabel,
    kind: row.variantKind,
    offered: row.offered,
    notOfferedReason: row.notOfferedReason,
    sizeBytes: Number(row.sizeBytes),
    compressedBytes: report?.size.compressedBytes ?? null,
    parameterCount: inspection?.parameterCount ?? null,
    macs: inspection?.macs ?? null,
    nodeCount: inspection?.nodeCount ?? null,
    accuracy: evaluation?.numbers.top1 ?? null,
    latencyMs: measurement?.numbers.latencyMs ?? null,
    comparableMs: (ratio === null ? measurement?.numbers.latencyMs.p50 : baseline && ratio.value * baseline.numbers.latencyMs.p50) ?? null,
    peakMemoryBytes: measurement?.numbers.peakMemoryBytes ?? inspection?.peakMemoryBytes ?? null,
    loadMs: measurement?.numbers.loadMs ?? inspection?.loadMs ?? null,
    integerTimeShare: report?.fusion?.integerTimeShare ?? null,
    isOnFront: null,
    delta: null,
  };
}

type Beside = { baselineId: string; evaluations: ReadonlyMap<string, EvaluationView>; outcomes: ReadonlyMap<string, Outcomes>; latencies: ReadonlyMap<string, MeasurementView> | null };

function deltaOf(version: ComparedVersion, versions: readonly ComparedVersion[], { baselineId, evaluations, outcomes, latencies }: Beside): ComparedVersion["delta"] {
  const baseline = versions.find((other) => other.id === baselineId);
  if (baseline === undefined) return null;
  const [first, second] = [outcomes.get(baselineId), outcomes.get(version.id)];
  const worst = worstClassOf(evaluations.get(baselineId)?.numbers.classes ?? [], evaluations.get(version.id)?.numbers.classes ?? []);
  const inTurns = ratioInTurns(latencies?.get(version.id), baselineId);
  const ofMedians = version.latencyMs === null || baseline.latencyMs === null ? null : version.latencyMs.p50 / baseline.latencyMs.p50;
  return {
    sizeRatio: version.sizeBytes / baseline.sizeBytes,
    // Runs in turns with this very baseline say more than two medians from different minutes.
    latencyRatio: inTurns === null ? ofMedians : inTurns.value,
    latencyRatioCi95: inTurns === null ? null : inTurns.ci95,
    memoryRatio: version.peakMemoryBytes === null || baseline.peakMemoryBytes === null ? null : version.peakMemoryBytes / baseline.peakMemoryBytes,
    accuracy: first === undefined || second === undefined ? null : pairedDifference(first, second, worst),
  };
}

/** Time over the baseline's where the two ran in turns. */
function ratioInTurns(measurement: MeasurementView | undefined, baselineId: string | undefined): { value: number; ci95: [number, number] } | null {
  const speedUp = measurement?.numbers.speedUp ?? null;
  if (speedUp === null || speedUp.baselineVersionId !== baselineId) return null;
  return { value: 1 / speedUp.ratio, ci95: [1 / speedUp.ci95[1], 1 / speedUp.ci95[0]] };
}

function classesOf(versions: readonly ComparedVersion[], evaluations: ReadonlyMap<string, EvaluationView>): CompareView["classes"] {
  const named = [...evaluations.values()][0]?.numbers.classes ?? [];
  const correctOf = versions.map(({ id }) => new Map((evaluations.get(id)?.numbers.classes ?? []).map((entry) => [entry.index, entry.correct])));
  return named.map(({ index, name, n }) => ({ index, name, n, correct: correctOf.map((correct) => correct.get(index) ?? null) }));
}
