import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LayerTiming } from "@flotilla/runtime";
import { probeModel } from "@flotilla/runtime";
import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { GraphIndex, writeOnnx } from "@flotilla/runtime/ir";

/** Microseconds of one run that a node saves on integers; what was not seen in a profile is null. */
export type LatencyGain = {
  readonly node: string;
  readonly floatUs: number | null;
  readonly integerUs: number | null;
  /** Of the QuantizeLinear and DequantizeLinear around it that are left in the graph that is run. */
  readonly boundaryUs: number;
  /** floatUs − integerUs − boundaryUs. */
  readonly gainUs: number | null;
};

type Layers = readonly Pick<LayerTiming, "name" | "opType" | "medianUs">[];

/** Profiles a model on one thread. One temporary file in `workDir`. */
export async function profiledLayers(model: OnnxModel, workDir: string, budgetMs: number): Promise<Layers> {
  const path = join(workDir, `profile-${randomUUID()}.onnx`);
  try {
    await writeFile(path, writeOnnx(model));
    return (await probeModel(path, { budgetMs, workDir })).layers;
  } finally {
    await rm(path, { force: true });
  }
}

/** What the candidates save, from the layers of the float model and of the one with all of them on integers. */
export function latencyGains(model: OnnxModel, candidates: readonly OnnxNode[], float: Layers, integer: Layers): LatencyGain[] {
  const owners = ownersOf(model, candidates);
  const [floatUs, integerUs, boundaryUs] = [new Map<OnnxNode, number>(), new Map<OnnxNode, number>(), new Map<OnnxNode, number>()];
  for (const { name, medianUs } of float) addTime(floatUs, longestMatch(name, owners.parts), medianUs);
  for (const { name, opType, medianUs } of integer) {
    if (!BOUNDARIES.has(opType)) addTime(integerUs, longestMatch(name, owners.parts), medianUs);
    else for (const node of longestMatch(name, owners.around) ?? []) addTime(boundaryUs, node, medianUs / (longestMatch(name, owners.around)?.length ?? 1));
  }
  return candidates.map((node) => {
    const [before, after, boundary] = [floatUs.get(node) ?? null, integerUs.get(node) ?? null, boundaryUs.get(node) ?? 0];
    return { node: node.name, floatUs: before, integerUs: after, boundaryUs: boundary, gainUs: before === null || after === null ? null : before - after - boundary };
  });
}

const BOUNDARIES = new Set(["QuantizeLinear", "DequantizeLinear"]);
/** Operators that fuse into what stands in front of them. */
const FUSING = new Set(["Relu", "Clip", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid"]);

type Owners = {
  /** Name of a node or of what it gives, also behind a fused activation → the candidate. */
  readonly parts: ReadonlyMap<string, OnnxNode>;
  /** Value → the candidates that read it or, if none does, the one that gives it: who pays for converting it. */
  readonly around: ReadonlyMap<string, readonly OnnxNode[]>;
};

function ownersOf({ graph }: OnnxModel, candidates: readonly OnnxNode[]): Owners {
  const index = new GraphIndex(graph);
  const wanted = new Set(candidates);
  const parts = new Map<string, OnnxNode>();
  const around = new Map<string, readonly OnnxNode[]>();
  for (const node of graph.nodes) {
    for (const name of [node.name, ...node.outputs]) if (wanted.has(node)) parts.set(name, node);
    const before = index.producer(node.inputs[0] ?? "");
    const owner = parts.get(node.inputs[0] ?? "");
    if (owner !== undefined && before !== null && FUSING.has(node.opType) && index.onlyConsumer(node.inputs[0] ?? "") === node) {
      for (const name of [node.name, ...node.outputs]) parts.set(name, owner);
    }
  }
  for (const name of [...graph.inputs.map((input) => input.name), ...graph.nodes.flatMap(({ outputs }) => outputs)]) {
    const readers = index.consumers(name).filter((node) => wanted.has(node));
    const giver = parts.get(name);
    if (readers.length > 0) around.set(name, readers);
    else if (giver !== undefined) around.set(name, [giver]);
  }
  return { parts, around };
}

/** The entry with the longest name that the layer's name begins with, by whole words: "conv1_nchwc" is of "conv1", "conv10" is not. */
function longestMatch<T>(layer: string, entries: ReadonlyMap<string, T>): T | null {
  for (let length = layer.length; length > 0; length -= 1) {
    if (/[A-Za-z0-9]/.test(layer.charAt(length))) continue;
    const found = entries.get(layer.slice(0, length));
    if (found !== undefined) return found;
  }
  return null;
}

function addTime(times: Map<OnnxNode, number>, node: OnnxNode | null, us: number): void {
  if (node !== null) times.set(node, (times.get(node) ?? 0) + us);
}
