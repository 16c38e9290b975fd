import { runInSandbox, type SandboxOutcome } from "@flotilla/runtime";
import { InferenceHost } from "./inference-host.ts";
import { ModelFailure, type LiveModel, type Loss, type ModelFiles, type ModelPort, type ProbeOutcome } from "./model.ts";
import { probeResultSchema, type ProbeInput, type ProbeResult } from "./probe-messages.ts";

export type LocalModelsOptions = {
  /** Devices in one process that load the same bytes with the same settings share one loaded model. For simulators. */
  readonly share?: boolean;
  /** Probes that may run at once; each is a process of its own. */
  readonly concurrentProbes?: number;
};

/** Node and ONNX Runtime alone take about 150 MB; a probe may use three times what the model was measured to need. */
const PROBE_MEMORY_MIN_BYTES = 2 ** 30;
const PROBE_MEMORY_FACTOR = 3;
/** However long the attempt may take, a probe that runs for ten minutes hangs. */
const PROBE_WALL_MAX_MS = 600_000;
const PROBE_OUTPUT_BYTES = 64 * 1024;

/** Models on this machine's ONNX Runtime: probes in sandbox children, the running model in one inference process. */
export function createLocalModels(options: LocalModelsOptions = {}): ModelPort {
  const host = new InferenceHost();
  const turns = createTurns(options.concurrentProbes ?? 1);
  let nextSession = 1;
  return {
    facts: async () => (await host.call({ kind: "facts" }, "facts")).facts,
    probe: (files, { wallMs, signal }) => turns(() => probe(files, Math.min(wallMs, PROBE_WALL_MAX_MS), signal)),
    async open(files, input) {
      const session = nextSession;
      nextSession += 1;
      const { promise: lost, resolve } = Promise.withResolvers<Loss>();
      const { content } = files;
      const settings = { intraOpThreads: content.intraOpThreads, executionProviders: content.executionProviders };
      const opened = await host.call(
        { kind: "open", session, modelPath: files.modelPath, modelSha256: content.modelSha256, settings, input, share: options.share ?? false },
        "opened",
      );
      host.watch(session, resolve);
      return liveModel(host, session, opened, lost);
    },
    rssBytes: () => Promise.resolve(host.rssBytes),
    close: () => host.close(),
  };
}

function liveModel(host: InferenceHost, session: number, opened: Pick<LiveModel, "inputs" | "outputs" | "loadMs">, lost: Promise<Loss>): LiveModel {
  return {
    inputs: opened.inputs,
    outputs: opened.outputs,
    loadMs: opened.loadMs,
    lost,
    step: async () => ({ latencyMs: (await host.call({ kind: "step", session }, "stepped")).latencyMs }),
    async infer(feeds) {
      const { outputs, latencyMs } = await host.call({ kind: "infer", session, feeds }, "inferred");
      return { outputs, latencyMs };
    },
    async close() {
      host.unwatch(session);
      await host.call({ kind: "close", session }, "closed").catch((error: unknown) => {
        if (!(error instanceof ModelFailure && error.kind === "crash")) throw error;
      });
    },
  };
}

async function probe(files: ModelFiles, wallMs: number, signal: AbortSignal): Promise<ProbeOutcome> {
  const { content } = files;
  let loaded = false;
  const outcome = await runInSandbox<ProbeInput, ProbeResult>({
    entry: new URL("./probe-main.ts", import.meta.url),
    input: {
      modelPath: files.modelPath,
      goldenPath: files.goldenPath,
      intraOpThreads: content.intraOpThreads,
      executionProviders: content.executionProviders,
      relativeTolerance: content.relativeTolerance,
      absoluteTolerance: content.absoluteTolerance,
    },
    limits: {
      memoryBytes: Math.max(PROBE_MEMORY_MIN_BYTES, content.requiredMemoryBytes * PROBE_MEMORY_FACTOR),
      cpuSeconds: Math.ceil(wallMs / 1_000) * content.intraOpThreads,
      wallMs,
      outputBytes: PROBE_OUTPUT_BYTES,
    },
    signal,
    onProgress: () => {
      loaded = true;
    },
  });
  signal.throwIfAborted();
  return judge(outcome, loaded);
}

/** What the device reports for each way a probe can end. */
function judge(outcome: SandboxOutcome<ProbeResult>, loaded: boolean): ProbeOutcome {
  const stage = loaded ? "probe_failed" : "load_failed";
  switch (outcome.kind) {
    case "ok":
      return judgeResult(outcome.output);
    case "failed":
      return { kind: "refused", code: stage, detail: outcome.message };
    case "crashed":
      return { kind: "refused", code: stage, detail: `the model crashed its process (${outcome.signal ?? `exit code ${outcome.exitCode}`})` };
    case "timeout":
      return { kind: "refused", code: "timeout", detail: "loading and probing took longer than the attempt may" };
    case "cpu_exceeded":
      return { kind: "refused", code: stage, detail: "the model used more CPU time than the attempt may" };
    case "out_of_memory":
      return { kind: "refused", code: stage, detail: "the model needs more memory than it was measured to need" };
    case "cancelled":
      return { kind: "refused", code: stage, detail: "the probe was given up" };
  }
}

function judgeResult(output: unknown): ProbeOutcome {
  const parsed = probeResultSchema.safeParse(output);
  if (!parsed.success) return { kind: "refused", code: "probe_failed", detail: "the probe's result cannot be read" };
  const { ok, loadMs, maxAbsError, comparedValues, firstFailure } = parsed.data;
  if (ok && comparedValues > 0) return { kind: "passed", loadMs, maxAbsError };
  return { kind: "refused", code: "probe_failed", detail: firstFailure ?? "the golden set compares nothing" };
}

/** Lets at most `places` works run at once, the others wait in order. */
function createTurns(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
