import { readFile, stat } from "node:fs/promises";
import { median } from "./latency-summary.ts";
import type { LayerTiming } from "./types.ts";

/** A kernel's execution as the profile of ONNX Runtime tells it. */
export type KernelEvent = {
  readonly name: string;
  readonly opType: string;
  readonly provider: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly threadId: number;
  readonly parameterBytes: number;
  readonly inputShapes: readonly (readonly number[])[];
  readonly outputShapes: readonly (readonly number[])[];
};

export type Profile = {
  readonly kernels: readonly KernelEvent[];
  /** The runs of the model, in order. */
  readonly runs: readonly { readonly startUs: number; readonly endUs: number }[];
};

/** About 100,000 kernel events: larger profiles come from loops and are not worth their memory. */
const PROFILE_BYTES_MAX = 96 * 1024 * 1024;

/** Reads the profile file; null when it is too large. */
export async function readProfile(path: string): Promise<Profile | null> {
  if ((await stat(path)).size > PROFILE_BYTES_MAX) return null;
  const events = JSON.parse(await readFile(path, "utf8")) as RawEvent[];
  const kernels = events.filter((event) => event.cat === "Node" && event.name.endsWith(KERNEL_SUFFIX)).map(toKernel);
  const runs = events
    .filter((event) => event.cat === "Session" && event.name === "model_run")
    .map((event) => ({ startUs: event.ts, endUs: event.ts + event.dur }))
    .sort((a, b) => a.startUs - b.startUs);
  return { kernels, runs };
}

type RawEvent = {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, unknown>>;
};

const KERNEL_SUFFIX = "_kernel_time";

function toKernel(event: RawEvent): KernelEvent {
  const { args } = event;
  return {
    name: event.name.slice(0, -KERNEL_SUFFIX.length),
    opType: String(args["op_name"] ?? ""),
    provider: String(args["provider"] ?? "").replace(/ExecutionProvider$/, ""),
    startUs: event.ts,
    durationUs: event.dur,
    threadId: event.tid,
    parameterBytes: Number(args["parameter_size"] ?? 0),
    inputShapes: shapes(args["input_type_shape"]),
    outputShapes: shapes(args["output_type_shape"]),
  };
}

/** `[{"float": [1, 8, 28, 28]}, …]` → `[[1, 8, 28, 28], …]` */
function shapes(list: unknown): number[][] {
  if (!Array.isArray(list)) return [];
  return list.map((entry: unknown) => {
    const [shape] = Object.values((entry ?? {}) as Record<string, unknown>);
    return Array.isArray(shape) ? shape.map(Number) : [];
  });
}

/**
 * Times per layer: the median over the runs of the time a layer took for itself in one run (what a Loop or If spends in the
 * nodes of its body is theirs). `discardRuns` first runs are left out. Layers stand in the order of their first execution.
 */
export function layerTimings(profile: Profile, discardRuns: number): LayerTiming[] {
  const runs = profile.runs.slice(discardRuns);
  const layers = new Map<string, { readonly last: KernelEvent; readonly perRun: number[] }>();
  for (const { event, selfUs } of withSelfTime(profile.kernels)) {
    const run = runs.findIndex(({ startUs, endUs }) => event.startUs >= startUs && event.startUs <= endUs);
    if (run === -1) continue;
    const key = `${event.name}\u0000${event.opType}`;
    const layer = layers.get(key) ?? { last: event, perRun: Array.from({ length: runs.length }, () => 0) };
    layer.perRun[run] = (layer.perRun[run] ?? 0) + selfUs;
    layers.set(key, layer);
  }
  const timed = [...layers.values()].map(({ last, perRun }) => ({ last, medianUs: median(perRun) }));
  const totalUs = timed.reduce((sum, { medianUs }) => sum + medianUs, 0);
  return timed.map(({ last, medianUs }) => ({
    name: last.name,
    opType: last.opType,
    provider: last.provider,
    medianUs,
    sharePercent: totalUs === 0 ? 0 : (medianUs / totalUs) * 100,
    outputShape: last.outputShapes[0] ?? null,
    parameterBytes: last.parameterBytes,
    macs: kernelMacs(last),
  }));
}

/** Time of each kernel without the kernels that ran inside it on the same thread. In order of start. */
function withSelfTime(kernels: readonly KernelEvent[]): { readonly event: KernelEvent; readonly selfUs: number }[] {
  const sorted = [...kernels].sort((a, b) => a.startUs - b.startUs || b.durationUs - a.durationUs);
  const entries = sorted.map((event) => ({ event, selfUs: event.durationUs }));
  const open = new Map<number, typeof entries>();
  for (const entry of entries) {
    const stack = open.get(entry.event.threadId) ?? [];
    const endOf = (event: KernelEvent) => event.startUs + event.durationUs;
    while (stack.length > 0 && endOf(stack.at(-1)?.event ?? entry.event) < endOf(entry.event)) stack.pop();
    const outer = stack.at(-1);
    const inside = outer !== undefined && CONTAINERS.has(outer.event.opType) && endOf(outer.event) >= endOf(entry.event);
    if (inside) outer.selfUs = Math.max(0, outer.selfUs - entry.event.durationUs);
    if (CONTAINERS.has(entry.event.opType)) stack.push(entry);
    open.set(entry.event.threadId, stack);
  }
  return entries;
}

/** Operators that run other operators. */
const CONTAINERS = new Set(["If", "Loop", "Scan"]);

export const MACS_METHOD =
  "from tensor shapes; counts Conv, ConvTranspose, Gemm, MatMul (and their fused and quantised forms), LSTM, GRU, RNN; with the channels that a machine's kernels add to fill their vectors";

/** Multiply-accumulates of the kernels of one run; null when none of them is counted. */
export function runMacs(profile: Profile): number | null {
  const [run] = profile.runs;
  if (run === undefined) return null;
  const counts = profile.kernels
    .filter(({ startUs }) => startUs >= run.startUs && startUs <= run.endUs)
    .map(kernelMacs)
    .filter((macs) => macs !== null);
  return counts.length === 0 ? null : counts.reduce((sum, macs) => sum + macs, 0);
}

const size = (shape: readonly number[] | undefined) => (shape ?? []).reduce((product, dim) => product * dim, 1);

/** Multiply-accumulates of one execution, from its shapes; null for operators that are not counted. */
export function kernelMacs(kernel: Pick<KernelEvent, "opType" | "inputShapes" | "outputShapes">): number | null {
  const { inputShapes: inputs, outputShapes } = kernel;
  const output = outputShapes[0] ?? [];
  switch (kernel.opType) {
    case "Conv":
    case "FusedConv":
    case "NhwcFusedConv":
    case "ConvInteger":
      return size(output) * size(inputs[1]?.slice(1));
    case "QLinearConv":
      return size(output) * size(inputs[3]?.slice(1));
    case "ConvTranspose":
      return size(inputs[0]) * size(inputs[1]?.slice(1));
    case "Gemm":
    case "FusedGemm":
    case "QGemm":
      return (size(output) * size(inputs[0])) / (output[0] ?? 1);
    case "MatMul":
    case "FusedMatMul":
    case "MatMulInteger":
    case "MatMulIntegerToFloat":
    case "DynamicQuantizeMatMul":
      return size(output) * innerDimension(inputs[1] ?? [], output);
    case "QLinearMatMul":
      return size(output) * innerDimension(inputs[3] ?? [], output);
    case "MatMulNBits":
      return size(output) * (inputs[0]?.at(-1) ?? 1);
    case "LSTM":
    case "GRU":
    case "RNN":
      return (inputs[0]?.[0] ?? 1) * (inputs[0]?.[1] ?? 1) * (size(inputs[1]) + size(inputs[2]));
    default:
      return null;
  }
}

/** The summed-over dimension of a product, from its right factor [.., K, N] or, transposed, [.., N, K]. */
function innerDimension(right: readonly number[], output: readonly number[]): number {
  if (right.length < 2) return right[0] ?? 1;
  return size(right.slice(-2)) / (output.at(-1) ?? 1);
}
