import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModel } from "./backend.ts";
import { syntheticFeeds, zeroFeeds } from "./feeds.ts";
import { summarizeLatency } from "./latency-summary.ts";
import type { Profile } from "./profile.ts";
import { layerTimings, MACS_METHOD, readProfile, runMacs } from "./profile.ts";
import type { OpenModel, ProbeOptions, ProbeReport, SessionSettings, Tensors, TensorSpec } from "./types.ts";

const BUDGET_MS = 10_000;
/** Shares of the budget: timing, then the profile of the optimised graph; what is left covers the first run and the counting run. */
const TIMING_SHARE = 0.5;
const PROFILE_SHARE = 0.25;
const TIMED_RUNS_MAX = 1_000;
const WARMUP_RUNS = 10;
const PROFILED_RUNS_MAX = 30;
/** One to discard, and two so that the quicker one counts. */
const PROFILED_RUNS_MIN = 3;
/** Kernel events wanted in a profile; a run has about one for each node. */
const PROFILED_EVENTS = 20_000;

/**
 * Loads and runs the model and says what that took. Meant for a sandbox child: the model is run as it is, memory is that of the
 * whole process. Latency and layer times come from different sessions, since profiling slows a model down.
 * Throws `ModelRefusal` `load_failed` or `run_failed` when ONNX Runtime does not take the model.
 */
export async function probeModel(path: string, options: ProbeOptions = {}): Promise<ProbeReport> {
  const { budgetMs = BUDGET_MS, seed = 1, dimensions = {}, workDir, ...settings } = options;
  const loadStart = performance.now();
  const model = await openModel(path, settings);
  const loadMs = performance.now() - loadStart;
  const feeds = zeroFeeds(model.inputs, dimensions);
  const firstStart = performance.now();
  const outputs = await model.run(feeds);
  const firstRunMs = performance.now() - firstStart;
  const inputs = syntheticFeeds(model.inputs, seed, dimensions);
  const { samples, warmups } = await timeRuns(model, inputs, budgetMs * TIMING_SHARE, firstRunMs);
  await model.close();
  const threads = settings.intraOpThreads ?? 1;
  const method = `back to back, ${threads} thread${threads === 1 ? "" : "s"}, ${warmups} warm-up runs discarded, synthetic input (seed ${seed})`;
  const profiled = await profileModel({ path, settings, inputs, budgetMs, quickestRunMs: Math.min(...samples), workDir });
  return {
    loadMs,
    firstRunMs,
    inputs: model.inputs.map((spec) => withShape(spec, feeds)),
    outputs: model.outputs.map((spec) => withShape(spec, outputs)),
    unsupportedOutputs: model.unsupportedOutputs,
    latencyMs: summarizeLatency(samples, method),
    peakRssBytes: process.resourceUsage().maxRSS * 1_024,
    ...profiled,
  };
}

function withShape(spec: TensorSpec, tensors: Tensors): TensorSpec & { readonly shape: readonly number[] } {
  return { name: spec.name, elementType: spec.elementType, shape: tensors[spec.name]?.shape ?? [] };
}

async function timeRuns(model: OpenModel, feeds: Tensors, budgetMs: number, expectedMs: number): Promise<{ samples: number[]; warmups: number }> {
  const startedAt = performance.now();
  const left = () => budgetMs - (performance.now() - startedAt);
  let warmups = 0;
  while (warmups < WARMUP_RUNS && left() > budgetMs * 0.8 && left() > expectedMs * 3) {
    await model.run(feeds);
    warmups += 1;
  }
  const samples: number[] = [];
  do {
    const runStart = performance.now();
    await model.run(feeds);
    samples.push(performance.now() - runStart);
  } while (samples.length < TIMED_RUNS_MAX && left() > (samples.at(-1) ?? 0));
  return { samples, warmups };
}

type ProfileRequest = {
  readonly path: string;
  readonly settings: SessionSettings;
  readonly inputs: Tensors;
  readonly budgetMs: number;
  readonly quickestRunMs: number;
  readonly workDir: string | undefined;
};

async function profileModel(request: ProfileRequest): Promise<Pick<ProbeReport, "layers" | "macs" | "macsMethod">> {
  const { path, settings, inputs, budgetMs, quickestRunMs } = request;
  const directory = await mkdtemp(join(request.workDir ?? tmpdir(), "flotilla-profile-"));
  try {
    // The graph as written has the operators and shapes of its author; in the optimised one they may be merged or padded. The quickest run
    // decides, since that of a small model is short on a busy machine, too: what is counted must not depend on what else goes on.
    const isSlow = quickestRunMs > budgetMs * 0.1;
    const plainSettings: SessionSettings = { ...settings, graphOptimization: "disabled", profilePrefix: join(directory, "plain") };
    const plain = isSlow ? null : await profileRuns(path, plainSettings, inputs, 1, 0);
    const runsWanted = plain === null ? PROFILED_RUNS_MIN : Math.ceil(PROFILED_EVENTS / Math.max(1, plain.kernels.length));
    const optimised = await profileRuns(
      path,
      { ...settings, profilePrefix: join(directory, "optimised") },
      inputs,
      Math.min(PROFILED_RUNS_MAX, Math.max(PROFILED_RUNS_MIN, runsWanted)),
      budgetMs * PROFILE_SHARE,
    );
    const counted = plain ?? optimised;
    return {
      layers: optimised === null ? [] : layerTimings(optimised, optimised.runs.length > 1 ? 1 : 0),
      macs: counted === null ? null : runMacs(counted),
      macsMethod: `${MACS_METHOD}; ${plain === null ? "in the optimised graph" : "in the graph as written"}`,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function profileRuns(path: string, settings: SessionSettings, feeds: Tensors, runsWanted: number, budgetMs: number): Promise<Profile | null> {
  const model = await openModel(path, settings);
  try {
    const startedAt = performance.now();
    for (let run = 0; run < runsWanted; run += 1) {
      await model.run(feeds);
      if (performance.now() - startedAt > budgetMs) break;
    }
    const file = await model.endProfiling();
    return file === null ? null : await readProfile(file);
  } finally {
    await model.close();
  }
}
