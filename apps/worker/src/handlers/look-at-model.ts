import { storableJson, storableText, type GraphSummary, type VersionInspection } from "@flotilla/fleet";
import { ModelRefusal, readModelSummary, type ModelSummary } from "@flotilla/runtime";
import { attachTimings } from "../graph/attach-timings.ts";
import type { JobContext } from "../ports.ts";
import { graphOutputSchema, probeOutputSchema } from "../sandbox/child-schemas.ts";
import type { DescribeGraphInput } from "../sandbox/describe-graph.ts";
import { limitsFor } from "../sandbox/limits.ts";
import type { ProbeInput, ProbeStep } from "../sandbox/probe.ts";
import { runModel } from "../sandbox/run-model.ts";
import type { StagedFiles } from "../staged-files.ts";
import { inspectionOf } from "./inspection.ts";

/** What looking at a model came to. `graph` is null where it could not be described; that is no reason to refuse a model. */
export type Looked = { kind: "sound"; inspection: VersionInspection; graph: GraphSummary | null } | { kind: "refused"; code: string; reason: string };

/** Steps by which callers tell how far it is. */
export type LookStep = "reading" | ProbeStep | "describing";

const doing: Record<ProbeStep, string> = { opening: "opening the model", running: "running the model once", measuring: "measuring the model" };

/**
 * The way that every model goes, uploaded or made by us: the bounded reader first, then ONNX Runtime in a sandbox child, then the
 * description of its graph in another one.
 */
export async function lookAtModel(staged: StagedFiles, context: JobContext, onStep: (step: LookStep) => void): Promise<Looked> {
  onStep("reading");
  const read = await readBounded(staged);
  if (read.kind === "refused") return read;
  context.signal.throwIfAborted();
  const probe = await probeInSandbox(staged, context, onStep);
  if (probe.kind === "refused") return probe;
  const claimed = probeOutputSchema.safeParse(probe.output);
  if (!claimed.success) return { kind: "refused", code: "sandbox_failed", reason: "measuring the model gave numbers that cannot be" };
  const inspection = storableJson(inspectionOf(read.summary, claimed.data));
  onStep("describing");
  const graph = await describeGraph(staged, context);
  return { kind: "sound", inspection, graph: graph === null ? null : storableJson(attachTimings(graph, inspection.layers)) };
}

type Read = { kind: "read"; summary: ModelSummary } | { kind: "refused"; code: string; reason: string };

async function readBounded(staged: StagedFiles): Promise<Read> {
  try {
    return { kind: "read", summary: await readModelSummary({ path: staged.modelPath }, staged.externalFiles) };
  } catch (error) {
    if (!(error instanceof ModelRefusal)) throw error;
    return { kind: "refused", code: error.code, reason: storableText(error.reason) };
  }
}

function probeInSandbox(staged: StagedFiles, context: JobContext, onStep: (step: LookStep) => void) {
  let step: ProbeStep = "opening";
  return runModel<ProbeInput, unknown>({
    entry: new URL("../sandbox/probe.ts", import.meta.url),
    input: { modelPath: staged.modelPath, budgetMs: context.measureBudgetMs },
    limits: limitsFor(staged.totalBytes, context.measureBudgetMs / 1000),
    workDir: context.workDir,
    signal: context.signal,
    doing: () => doing[step],
    onProgress: (value) => {
      if (typeof value !== "string" || !Object.hasOwn(doing, value)) return;
      step = value as ProbeStep;
      onStep(step);
    },
  });
}

async function describeGraph(staged: StagedFiles, context: JobContext): Promise<GraphSummary | null> {
  const described = await runModel<DescribeGraphInput, unknown>({
    entry: new URL("../sandbox/describe-graph.ts", import.meta.url),
    input: { modelPath: staged.modelPath, externalFiles: staged.externalFiles.map(({ name }) => name) },
    limits: limitsFor(staged.totalBytes),
    workDir: context.workDir,
    signal: context.signal,
    doing: () => "describing the graph",
  });
  const parsed = graphOutputSchema.safeParse(described.kind === "ok" ? described.output : null);
  if (parsed.success) return parsed.data;
  const reason = described.kind === "refused" ? described.reason : "its description is not one";
  context.report({ logs: [{ level: "warn", text: `The graph cannot be shown: ${reason}` }] });
  return null;
}
