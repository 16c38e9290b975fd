import { join } from "node:path";
import { finishOptimization, getOptimization, getVersion, systemPrincipal, type JobPayload, type MadeVariant, type OptimizationOutcome } from "@flotilla/fleet";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";
import { stageFiles } from "../staged-files.ts";
import { measuredCandidate, type Candidate, type Workbench } from "./candidate.ts";
import { stageDataset } from "./staged-dataset.ts";
import { conclude, judge, type Evidence } from "./verdict.ts";

const worker = systemPrincipal("worker");

/** A minute for copying; the rest is divided among techniques. */
const BEGIN = 0.03;

/**
 * Applies a recipe to a version: each technique makes a candidate, which is checked like an upload and measured beside its parent.
 * Candidates that help become versions that may be built; those that do not, versions that may not. A second attempt takes the steps
 * that the first one finished. Finds nothing to do when the optimization is decided already.
 */
export async function optimizeVersion({ optimizationId }: JobPayload<"optimize">, context: JobContext): Promise<JobDone> {
  const optimization = await context.transact((tx) => getOptimization(tx, worker, optimizationId));
  if (optimization.state !== "pending") return { result: { state: optimization.state } };
  const parent = await context.transact((tx) => getVersion(tx, worker, optimization.versionId));
  if (parent.state !== "ready") throw new JobFailure("version_not_ready", `The version is ${parent.state}; only a ready one can be optimized.`);
  context.report({ progress: 0, progressText: "Copying and checking the files" });
  const dataset = optimization.datasetVersionId === null ? null : await stageDataset(optimization.datasetVersionId, context);
  const staged = await stageFiles(context.store, parent.files, join(context.workDir, "files"), context.signal);
  const candidates = await allCandidates({ optimization, parent, staged, dataset }, context);
  const results = candidates.map(({ candidate, technique }) => {
    if (candidate.kind === "refused") return { technique, label: candidate.label, verdict: "refused" as const, sentence: candidate.sentence, made: null, evidence: null };
    return { technique, label: candidate.label, ...judge(optimization.goal, candidate.evidence), made: candidate.made, evidence: candidate.evidence };
  });
  for (const { label, verdict, sentence } of results) context.report({ logs: [{ level: verdict === "helps" ? "info" : "warn", text: `${label}: ${verdict.replace("_", " ")}. ${sentence}` }] });
  const outcome: OptimizationOutcome = {
    sentence: conclude(optimization.goal, results),
    toolVersions: toolVersionsOf(candidates.map(({ candidate }) => candidate)),
    results,
    parent: parentNumbers(candidates.map(({ candidate }) => candidate)),
  };
  return {
    result: { state: "finished", sentence: outcome.sentence, offered: results.filter(({ verdict }) => verdict === "helps").length },
    commit: async (tx) => {
      await finishOptimization(tx, optimizationId, context.jobId, outcome);
    },
  };
}

async function allCandidates(bench: Workbench, context: JobContext): Promise<{ technique: Workbench["optimization"]["recipe"]["techniques"][number]; candidate: Candidate }[]> {
  const { techniques } = bench.optimization.recipe;
  const model = bench.parent.files.find((file) => file.role === "model");
  const known = new Map<string, string>(model === undefined ? [] : [[model.sha256, "its parent"]]);
  const candidates: { technique: (typeof techniques)[number]; candidate: Candidate }[] = [];
  for (const [position, technique] of techniques.entries()) {
    context.signal.throwIfAborted();
    context.report({ progress: BEGIN + ((1 - BEGIN) * position) / techniques.length, progressText: `Technique ${position + 1} of ${techniques.length}: ${technique.kind.replaceAll("_", " ")}` });
    const candidate = await measuredCandidate(bench, position, technique, known, context);
    candidates.push({ technique, candidate });
    if (candidate.kind !== "measured") continue;
    known.set(candidate.made.file.sha256, candidate.label);
    context.report({ metrics: metricsOf(position, candidate.evidence) });
  }
  return candidates;
}

function metricsOf(position: number, { bytes, candidateMs, accuracy }: Evidence): { name: string; step: number; value: number }[] {
  const points = [{ name: "size MB", step: position, value: bytes / 1e6 }, { name: "p50 ms", step: position, value: candidateMs.p50 }];
  return accuracy === null ? points : [...points, { name: "accuracy change, points", step: position, value: accuracy.value * 100 }];
}

/** The parent was measured with each candidate; the first round speaks for it. */
function parentNumbers(candidates: readonly Candidate[]): Pick<MadeVariant, "evaluations" | "measurements"> {
  const first = candidates.find((candidate) => candidate.kind === "measured");
  return first?.parent ?? { evaluations: [], measurements: [] };
}

function toolVersionsOf(candidates: readonly Candidate[]): Record<string, string> {
  const first = candidates.find((candidate) => candidate.kind === "measured");
  const runtime = first?.made.inspection.measuredOn.ortVersion;
  return { flotilla: FLOTILLA_VERSION, node: process.version, ...(runtime === undefined ? {} : { onnxruntime: runtime }) };
}
