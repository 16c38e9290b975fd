import { join } from "node:path";
import { pairedDifference, techniqueLabel, type GraphSummary, type MadeVariant, type NewEvaluation, type NewMeasurement, type OptimizationView, type Technique, type VariantReport, type VersionInspection, type VersionView } from "@flotilla/fleet";
import { kernelTime } from "@flotilla/optimizer";
import { JobFailure } from "../job-failure.ts";
import type { JobContext } from "../ports.ts";
import { judgeOutputSchema, makeCandidateOutputSchema, type ParsedJudgement } from "../sandbox/evaluation-schemas.ts";
import type { JudgeInput } from "../sandbox/judge-candidate.ts";
import { limitsFor } from "../sandbox/limits.ts";
import type { MakeCandidateInput } from "../sandbox/make-candidate.ts";
import { runModel, sentence } from "../sandbox/run-model.ts";
import { stageFiles, type StagedFiles } from "../staged-files.ts";
import type { Made } from "../techniques/maker.ts";
import { evaluationOf } from "./evaluation-numbers.ts";
import { lookAtModel } from "./look-at-model.ts";
import { saturationOf } from "./saturation.ts";
import type { StagedDataset } from "./staged-dataset.ts";
import type { Evidence } from "./verdict.ts";

/** What all candidates of an optimization have in common. */
export type Workbench = { optimization: OptimizationView; parent: VersionView; staged: StagedFiles; dataset: StagedDataset | null };

/** A candidate with everything measured, or the reason why there is none. */
export type Candidate =
  | { kind: "refused"; label: string; sentence: string }
  | { kind: "measured"; label: string; made: MadeVariant; evidence: Evidence; parent: Pick<MadeVariant, "evaluations" | "measurements"> };

/** Engines hold the model, a rewritten copy of it and what they measure of it at the same time. */
const MODEL_COPIES = 4;
/** Of the job's four hours, what one candidate may take to be made, and to be judged. */
const MAKE_SECONDS = 45 * 60;
const JUDGE_SECONDS = 30 * 60;

/** Makes the candidate of one technique, checks it like an upload, and measures it beside its parent. Each of the three is a kept step. */
export async function measuredCandidate(bench: Workbench, position: number, technique: Technique, known: ReadonlyMap<string, string>, context: JobContext): Promise<Candidate> {
  const label = techniqueLabel(technique);
  const refused = (reason: string): Candidate => ({ kind: "refused", label, sentence: sentence(reason) });
  const made = await makeStep(bench, position, technique, context);
  if (made.kind === "refused") return refused(`${label}: ${made.reason}`);
  const twin = known.get(made.file.sha256);
  if (twin !== undefined) return refused(`${label} gives the same bytes as ${twin}`);
  const staged = await stageFiles(context.store, [{ ...made.file, role: "model" }], join(context.workDir, `candidate-${position}`), context.signal);
  const looked = await lookStep(staged, made.file.sha256, position, context);
  if (looked.kind === "refused") return refused(`${label} is not a sound model: ${looked.reason}`);
  const judgement = await judgeStep(bench, staged, made.file.sha256, position, context);
  const saturation = await saturationStep(bench, staged, made, position, context);
  return { kind: "measured", label, ...summed(bench, label, technique, { ...made, saturation }, looked, judgement) };
}

type MadeStep = { kind: "refused"; reason: string } | ({ kind: "made"; file: MadeVariant["file"] } & Omit<Made, "model">);

async function makeStep({ optimization, parent, staged, dataset }: Workbench, position: number, technique: Technique, context: JobContext): Promise<MadeStep> {
  const { calibrationSamples, seed } = optimization.recipe;
  // Only a search looks at the goal.
  const goal = technique.kind === "mixed_precision" ? optimization.goal : null;
  const inputs = { files: parent.files, technique, goal, seed, calibrationSamples, dataset: dataset?.sha256 ?? null, preprocessing: parent.preprocessing };
  const step = await context.step(`make ${position}`, inputs, async () => {
    const outPath = join(context.workDir, `made-${position}`);
    const calibration = dataset === null || parent.preprocessing === null ? null : { datasetPath: dataset.path, samples: calibrationSamples, preprocessing: parent.preprocessing };
    const run = await runModel<MakeCandidateInput, unknown>({
      entry: new URL("../sandbox/make-candidate.ts", import.meta.url),
      input: { modelPath: staged.modelPath, externalFiles: staged.externalFiles.map(({ name }) => name), technique, goal: optimization.goal, measureBudgetMs: context.measureBudgetMs, seed, outPath, calibration },
      limits: limitsFor(MODEL_COPIES * staged.totalBytes, MAKE_SECONDS),
      workDir: context.workDir,
      signal: context.signal,
      doing: () => "making the candidate",
      onProgress: (value) => {
        if (typeof value === "object" && value !== null && "line" in value && typeof value.line === "string") context.report({ logs: [{ level: "info", text: value.line }] });
      },
    });
    if (run.kind === "refused") return { result: { kind: "refused", reason: run.reason }, artifact: null };
    const output = makeCandidateOutputSchema.safeParse(run.output);
    if (!output.success) return { result: { kind: "refused", reason: "making it gave something else than a model" }, artifact: null };
    return { result: output.data, artifact: output.data.kind === "made" ? await context.store.put({ file: outPath }) : null };
  });
  if (step.wasKept) context.report({ logs: [{ level: "info", text: "Made in an earlier attempt." }] });
  return { ...(step.result as object), file: { name: "model.onnx", ...step.artifact } } as MadeStep;
}

type LookedStep = { kind: "sound"; inspection: VersionInspection; graph: GraphSummary | null } | { kind: "refused"; code: string; reason: string };

async function lookStep(staged: StagedFiles, sha256: string, position: number, context: JobContext): Promise<LookedStep> {
  const { result } = await context.step(`look ${position}`, { sha256 }, async () => ({ result: await lookAtModel(staged, context, () => undefined), artifact: null }));
  return result as LookedStep;
}

async function judgeStep({ optimization, parent, staged: parentFiles, dataset }: Workbench, staged: StagedFiles, sha256: string, position: number, context: JobContext): Promise<ParsedJudgement> {
  const { seed, testSamples } = optimization.recipe;
  const hasTest = dataset !== null && dataset.summary.counts.test > 0 && parent.preprocessing !== null;
  const inputs = { parent: parent.files, sha256, dataset: hasTest ? dataset.sha256 : null, preprocessing: parent.preprocessing, testSamples: testSamples ?? null, seed };
  const { result } = await context.step(`judge ${position}`, inputs, async () => {
    const run = await runModel<JudgeInput, unknown>({
      entry: new URL("../sandbox/judge-candidate.ts", import.meta.url),
      input: {
        parentPath: parentFiles.modelPath, candidatePath: staged.modelPath, seed, budgetMs: context.measureBudgetMs,
        test: hasTest && parent.preprocessing !== null ? { datasetPath: dataset.path, limit: testSamples ?? null, preprocessing: parent.preprocessing } : null,
      },
      limits: limitsFor(2 * (parentFiles.totalBytes + staged.totalBytes), JUDGE_SECONDS),
      workDir: context.workDir,
      signal: context.signal,
      doing: () => "measuring the candidate beside its parent",
    });
    if (run.kind === "refused") throw new JobFailure(run.code, sentence(run.reason));
    const output = judgeOutputSchema.safeParse(run.output);
    if (!output.success) throw new JobFailure("sandbox_failed", "Measuring the candidate gave numbers that cannot be.");
    return { result: output.data, artifact: null };
  });
  return result as ParsedJudgement;
}

/** Only where something runs on integers. What examples make of it where there are any, else what the weights allow where that was found. */
async function saturationStep({ parent, dataset }: Workbench, staged: StagedFiles, made: Extract<MadeStep, { kind: "made" }>, position: number, context: JobContext): Promise<VariantReport["saturation"]> {
  const { preprocessing } = parent;
  const bound = made.saturation?.bound ?? null;
  const tells = made.saturation === undefined ? (made.fusion?.integerNodes ?? 0) > 0 : made.saturation.isEmulated && made.saturation.bound.saturatedNodes > 0;
  if (!tells || dataset === null || dataset.summary.counts.test === 0 || preprocessing === null) return bound;
  const inputs = { sha256: made.file.sha256, dataset: dataset.sha256, preprocessing };
  const { result } = await context.step(`saturation ${position}`, inputs, async () => ({ result: { saturation: await saturationOf(staged, { datasetPath: dataset.path, preprocessing }, context) }, artifact: null }));
  return (result as { saturation: VariantReport["saturation"] }).saturation ?? bound;
}

type Finished = Omit<Extract<MadeStep, { kind: "made" }>, "saturation"> & Pick<VariantReport, "saturation">;

function summed(bench: Workbench, label: string, technique: Technique, made: Finished, looked: Extract<LookedStep, { kind: "sound" }>, judgement: ParsedJudgement) {
  const { parentSize, candidateSize, agreement, ratio, parentMs, candidateMs, outcomes } = judgement;
  const integerTimeShare = kernelTime(looked.inspection.layers).integerPercent / 100;
  const [before, after] = [evaluationsOf(bench, outcomes?.parent), evaluationsOf(bench, outcomes?.candidate)];
  const report: VariantReport = {
    size: { bytes: candidateSize.bytes, compressedBytes: candidateSize.compressedBytes, parentBytes: parentSize.bytes, parentCompressedBytes: parentSize.compressedBytes, method: "the model file; compressed by Zstandard, level 9" },
    agreement: { n: agreement.n, top1: agreement.top1, cosine: agreement.cosine, maxAbsError: agreement.maxAbsError, method: agreement.isOfRealInputs ? "on the test split" : "on made-up inputs, as there were no examples" },
    passes: made.passes,
    fusion: made.fusion === null ? null : { ...made.fusion, integerTimeShare },
    saturation: made.saturation,
    warnings: made.warnings,
  };
  const [first, second] = [before[0]?.outcomes, after[0]?.outcomes];
  const accuracy = first == null || second == null ? null : pairedDifference(first, second, null);
  const evidence: Evidence = {
    label, bytes: candidateSize.bytes, parentBytes: parentSize.bytes, accuracy, agreement, parentMs, candidateMs, ratio,
    saturation: report.saturation, usesIntegers: integerTimeShare > 0, isExact: technique.kind === "simplify",
  };
  return {
    evidence,
    made: { file: made.file, inspection: looked.inspection, graph: looked.graph, report, evaluations: after, measurements: [measurementOf(bench, judgement, true)] },
    parent: { evaluations: before, measurements: [measurementOf(bench, judgement, false)] },
  };
}

function evaluationsOf({ dataset }: Workbench, recorded: NonNullable<ParsedJudgement["outcomes"]>["parent"] | undefined): Omit<NewEvaluation, "versionId" | "jobId">[] {
  return dataset === null || recorded === undefined ? [] : [evaluationOf(recorded, dataset.id, "test", dataset.summary)];
}

function measurementOf({ parent }: Workbench, { facts, ratio, parentMs, candidateMs }: ParsedJudgement, isCandidate: boolean): Omit<NewMeasurement, "versionId" | "jobId"> {
  const machine = { cpu: facts.cpuModel, arch: facts.arch, isa: facts.isa, ortVersion: facts.ortVersion, threads: 1 };
  const method = "median of the ratios of runs in turns with the parent; interval from their order, 95 %";
  const speedUp = isCandidate ? { baselineVersionId: parent.id, ratio: 1 / ratio.median, ci95: [1 / ratio.high, 1 / ratio.low] as [number, number], rounds: ratio.pairs, method } : null;
  return { mode: "interleaved", numbers: { latencyMs: isCandidate ? candidateMs : parentMs, loadMs: null, firstRunMs: null, peakMemoryBytes: null, machine, speedUp } };
}
