import { syntheticFeeds, type Tensor, type TensorSpec, type Tensors } from "@flotilla/runtime";
import { cloneModel, elementCount, int64s, rawTensor, tensorNumbers, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor } from "@flotilla/runtime/ir";
import { AutodiffRefusal } from "../autodiff/autodiff-refusal.ts";
import { valuesMadeOf } from "../graph/values-made-of.ts";
import { traceValues } from "./trace-values.ts";

/** Where operators are told a shape that begins with the batch. */
const SHAPE_INPUTS: Readonly<Record<string, number>> = { Reshape: 1, Expand: 1, Resize: 3 };
/** What recurrent layers begin with, [directions, batch, units]. */
const STATE_INPUTS: Readonly<Record<string, readonly number[]>> = { LSTM: [5, 6], GRU: [5], RNN: [5] };
/** Sums over another batch may be taken in another order. As a share of the largest value. */
const ROUNDING = 1e-4;

/**
 * Lets a model whose file fixes the batch (each input begins with the same number) take `batchSize` examples at once: inputs, the shapes that Reshape, Expand and Resize are told, and what recurrent layers
 * begin with. Whether the model answers twice as many examples as it answers them apart is then tried on made-up inputs. Answers the inputs as they are now. Throws AutodiffRefusal
 * `operator_form_unsupported` that names the node which keeps to the old number, or mixes examples.
 */
export async function widenBatch(model: OnnxModel, inputs: readonly TensorSpec[], batchSize: number): Promise<TensorSpec[]> {
  const fixed = Number(inputs[0]?.shape[0] ?? batchSize);
  if (fixed === batchSize || inputs.some(({ shape }) => shape[0] !== fixed)) return [...inputs];
  try {
    await tryTwice(model, inputs, fixed);
  } catch (error) {
    // Series with their steps first have the batch second, and it is as large as asked for: the file is right as it is.
    if (error instanceof AutodiffRefusal && inputs.every(({ shape }) => shape.length === 3 && shape[1] === batchSize)) return [...inputs];
    throw error;
  }
  return rewrite(model.graph, inputs, { from: fixed, to: batchSize });
}

type Change = { readonly from: number; readonly to: number };

function rewrite(graph: OnnxGraph, inputs: readonly TensorSpec[], change: Change): TensorSpec[] {
  for (const { type } of graph.inputs) if (type?.kind === "tensor" && type.shape !== null) type.shape[0] = { kind: "value", value: change.to, denotation: "" };
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const carrying = valuesOfInputs(graph);
  const exchange = (node: OnnxNode, position: number, changed: (tensor: OnnxTensor, name: string) => OnnxTensor | null): void => {
    const tensor = constants.get(node.inputs[position] ?? "");
    const wide = tensor === undefined ? null : changed(tensor, `${tensor.name} of ${node.outputs[0] ?? ""} for a batch of ${change.to}`);
    if (wide === null) return;
    graph.initializers.push(wide);
    node.inputs = node.inputs.map((name, i) => (i === position ? wide.name : name));
  };
  for (const node of graph.nodes) {
    if (node.domain !== "" || !carrying.has(node.inputs[0] ?? "")) continue;
    const told = SHAPE_INPUTS[node.opType];
    if (told !== undefined) exchange(node, told, (tensor, name) => widerShape(tensor, name, change));
    for (const position of STATE_INPUTS[node.opType] ?? []) exchange(node, position, (tensor, name) => widerState(tensor, name, change));
  }
  return inputs.map(({ shape: [, ...rest], ...spec }) => ({ ...spec, shape: [change.to, ...rest] }));
}

/** All values that depend on what the model is given. */
function valuesOfInputs({ inputs, nodes }: OnnxGraph): ReadonlySet<string> {
  return valuesMadeOf(inputs.map(({ name }) => name), nodes);
}

function widerShape(tensor: OnnxTensor, name: string, { from, to }: Change): OnnxTensor | null {
  const [first, ...rest] = [...tensorNumbers(tensor)].map(Number);
  return tensor.elementType === "int64" && first === from ? int64s(name, tensor.dims, [to, ...rest]) : null;
}

function widerState(tensor: OnnxTensor, name: string, { from, to }: Change): OnnxTensor | null {
  const [directions = 0, batch, units = 0] = tensor.dims;
  if (tensor.elementType !== "float32" || tensor.dims.length !== 3 || batch !== from) return null;
  const values = [...tensorNumbers(tensor)].map(Number);
  const wide = Float32Array.from({ length: directions * to * units }, (_, i) => values[(Math.floor(i / (to * units)) * from + (Math.floor(i / units) % to % from)) * units + (i % units)] ?? 0);
  return rawTensor(name, "float32", [directions, to, units], new Uint8Array(wide.buffer));
}

/** Answers two batches of the old size apart and, widened, as one. */
async function tryTwice(model: OnnxModel, inputs: readonly TensorSpec[], from: number): Promise<void> {
  const wide = cloneModel(model);
  const wideInputs = rewrite(wide.graph, inputs, { from, to: 2 * from });
  const feeds = syntheticFeeds(wideInputs, 1);
  const first = await traceValues(model, inputs, halfOf(feeds, 0));
  const second = await traceValues(model, inputs, halfOf(feeds, 1));
  let both: ReadonlyMap<string, Tensor>;
  try {
    both = await traceValues(wide, wideInputs, feeds);
  } catch {
    throw keepsTo(from, await firstThatFails(wide, wideInputs, feeds));
  }
  const isJoined = (name: string): boolean => areJoined(both.get(name), [first.get(name), second.get(name)]);
  if (model.graph.outputs.every(({ name }) => isJoined(name))) return;
  const carrying = valuesOfInputs(model.graph);
  throw keepsTo(from, model.graph.nodes.find(({ outputs: [name = ""] }) => carrying.has(name) && both.get(name)?.elementType === "float32" && !isJoined(name)));
}

function keepsTo(batch: number, node: OnnxNode | undefined): AutodiffRefusal {
  const name = node === undefined ? "" : node.name || (node.outputs[0] ?? "");
  const who = node === undefined ? "it cannot be given another one" : `the node "${name}" (${node.opType}) keeps to it`;
  return new AutodiffRefusal("operator_form_unsupported", `the file fixes a batch of ${batch}, and ${who}; export the model with an open first dimension, or train it with a batch size of ${batch}`, node === undefined ? null : name);
}

function halfOf(feeds: Tensors, half: 0 | 1): Tensors {
  return Object.fromEntries(Object.entries(feeds).map(([name, { elementType, shape: [first = 2, ...rest], data }]) => {
    const length = data.length / 2;
    return [name, { elementType, shape: [first / 2, ...rest], data: (data as Float32Array).slice(half * length, (half + 1) * length) }];
  }));
}

/** Whether a value holds two others one behind the other along one of its axes. */
function areJoined(both: Tensor | undefined, [first, second]: readonly (Tensor | undefined)[]): boolean {
  if (both === undefined || first === undefined || second === undefined || both.shape.length !== first.shape.length) return false;
  const scale = Math.max(1e-6, ...[first, second].map(({ data }) => (data as Float32Array).reduce((most, value) => Math.max(most, Math.abs(Number(value))), 0)));
  return both.shape.some((_, axis) => {
    if (both.shape.some((size, at) => size !== (at === axis ? 2 : 1) * (first.shape[at] ?? 0))) return false;
    const chunk = elementCount(first.shape.slice(axis));
    return both.data.every((value: unknown, i: number) => {
      const part = Math.floor(i / chunk) % 2 === 0 ? first : second;
      return Math.abs(Number(value) - Number(part.data[Math.floor(i / (2 * chunk)) * chunk + (i % chunk)])) <= ROUNDING * scale;
    });
  });
}

/** By halving: how many nodes from the front still run. */
async function firstThatFails(model: OnnxModel, inputs: readonly TensorSpec[], feeds: Tensors): Promise<OnnxNode | undefined> {
  let [runs, fails] = [0, model.graph.nodes.length];
  while (fails - runs > 1) {
    const middle = Math.floor((runs + fails) / 2);
    const part = cloneModel(model);
    part.graph.nodes = part.graph.nodes.slice(0, middle);
    const does = await traceValues(part, inputs, feeds).then(() => true, () => false);
    if (does) runs = middle;
    else fails = middle;
  }
  return model.graph.nodes[fails - 1];
}
