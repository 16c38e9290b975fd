import type { OnnxDimension, OnnxGraph, OnnxModel, OnnxTensor, OnnxValueInfo } from "@flotilla/runtime/ir";
import { elementCount, GraphIndex, rawTensor, tensorByteLength } from "@flotilla/runtime/ir";
import type { AxisLabels } from "./channel-classes.ts";
import { FIXED } from "./channel-classes.ts";
import type { ChannelFlow, Labels } from "./channel-flow.ts";

/** What goes, for edits of nodes. */
export class ChannelCut {
  readonly #graph: OnnxGraph;
  readonly #flow: ChannelFlow;
  readonly #removed: ReadonlySet<number>;
  readonly #names: GraphIndex;

  /** `removed`: classes by the atom that stands for them. */
  constructor(graph: OnnxGraph, flow: ChannelFlow, removed: ReadonlySet<number>) {
    this.#graph = graph;
    this.#flow = flow;
    this.#removed = removed;
    this.#names = new GraphIndex(graph);
  }

  isRemoved(atom: number): boolean {
    return atom !== FIXED && this.#removed.has(this.#flow.classes.find(atom));
  }

  /** Positions of an axis that stay. */
  kept(labels: AxisLabels): number[] {
    return Array.from(labels.keys()).filter((position) => !this.isRemoved(labels[position] ?? FIXED));
  }

  count(labels: AxisLabels): number {
    return this.kept(labels).length;
  }

  touches(labels: Labels): boolean {
    return labels.some((entry) => entry !== null && entry.some((atom) => this.isRemoved(atom)));
  }

  /** Adds a constant under a fresh name and gives the name. */
  addConstant(prefix: string, tensor: OnnxTensor): string {
    const name = this.#names.freshName(prefix);
    this.#graph.initializers.push({ ...tensor, name });
    return name;
  }
}

/** Takes the removed channels out of constants, arguments and declared shapes of the model that the flow was made on, in place. */
export function cutChannels(model: OnnxModel, flow: ChannelFlow, cut: ChannelCut): void {
  const { graph } = model;
  const sliced = new Map<string, OnnxTensor>();
  for (const { name, labels } of flow.constants.values()) {
    const tensor = flow.index.constantValue(name);
    if (tensor !== null && cut.touches(labels)) sliced.set(name, { ...sliceTensor(tensor, labels.map((entry) => (entry === null ? null : cut.kept(entry)))), name });
  }
  replaceConstants(graph, sliced);
  for (const { labels, apply } of flow.edits) if (cut.touches(labels)) apply(cut);
  graph.valueInfos = graph.valueInfos.map((info) => resized(info, flow.labels(info.name), cut));
}

/** Puts other tensors in the place of initializers and Constant nodes of their names. */
function replaceConstants(graph: OnnxGraph, tensors: ReadonlyMap<string, OnnxTensor>): void {
  const initial = new Set(graph.initializers.map(({ name }) => name));
  graph.initializers = graph.initializers.map((tensor) => tensors.get(tensor.name) ?? tensor);
  graph.nodes = graph.nodes.filter(({ outputs }) => {
    const tensor = tensors.get(outputs[0] ?? "");
    if (tensor === undefined || initial.has(tensor.name)) return true;
    graph.initializers.push(tensor);
    return false;
  });
}

/** The tensor without the positions that are not kept; null keeps a whole axis. Whole bytes an element only. */
function sliceTensor(tensor: OnnxTensor, kept: readonly (readonly number[] | null)[]): OnnxTensor {
  const elementBytes = tensorByteLength(tensor.elementType, [1]);
  if (elementBytes === null || !(tensor.data instanceof Uint8Array)) throw new RangeError(`${tensor.name} has no elements of whole bytes`);
  let { data } = tensor;
  const dims = [...tensor.dims];
  for (const [axis, positions] of kept.entries()) {
    if (positions === null || positions.length === dims[axis]) continue;
    data = sliceAxis(data, dims, axis, positions, elementBytes);
    dims[axis] = positions.length;
  }
  return { ...tensor, ...rawTensor(tensor.name, tensor.elementType, dims, data) };
}

function sliceAxis(data: Uint8Array, dims: readonly number[], axis: number, positions: readonly number[], elementBytes: number): Uint8Array {
  const size = dims[axis] ?? 1;
  const outer = elementCount(dims.slice(0, axis));
  const innerBytes = elementCount(dims.slice(axis + 1)) * elementBytes;
  const result = new Uint8Array(outer * positions.length * innerBytes);
  let at = 0;
  for (let block = 0; block < outer; block += 1) {
    for (const position of positions) {
      const start = (block * size + position) * innerBytes;
      result.set(data.subarray(start, start + innerBytes), at);
      at += innerBytes;
    }
  }
  return result;
}

function resized(info: OnnxValueInfo, labels: Labels | null, cut: ChannelCut): OnnxValueInfo {
  const { type } = info;
  if (labels === null || type?.kind !== "tensor" || type.shape === null) return info;
  const shape = type.shape.map((dimension, axis): OnnxDimension => {
    const entry = labels[axis] ?? null;
    return entry === null || dimension.kind !== "value" ? dimension : { ...dimension, value: cut.count(entry) };
  });
  return { ...info, type: { ...type, shape } };
}
