import type { ElementType, Tensor, TensorSpec } from "@flotilla/runtime";
import { GraphIndex, cloneModel, rawTensor, subgraphs, tensorNumbers, upgradeOpset, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValueInfo } from "@flotilla/runtime/ir";
import { AutodiffRefusal } from "../autodiff/autodiff-refusal.ts";
import { OPSET } from "../graph/graph-builder.ts";
import type { StaticType } from "../graph/static-type.ts";
import { inlinePlainNodes } from "./plain-nodes.ts";
import type { PreparedModel, TrainedTensor } from "./prepared-model.ts";
import { recurrentObstacle } from "./recurrent-obstacle.ts";
import { traceValues } from "./trace-values.ts";
import { unrollRecurrent } from "./unroll-recurrent.ts";
import { weightsIn } from "./weights-in.ts";
import { widenBatch } from "./widen-batch.ts";
import { widenHalf } from "./widen-half.ts";

export type PrepareOptions = {
  readonly batchSize: number;
  /** Which weights are learnt. Only what stands where an operator has weights is asked for: other constants stay. */
  readonly trainable: (initializer: string) => boolean;
  /** "train": BatchNormalization uses the batch's statistics and moves the running ones; "frozen" (default): it is an affine map. */
  readonly norm?: "train" | "frozen";
  /** "off" (default): Dropout hands its input on. */
  readonly dropout?: "train" | "off";
  /** Values of symbolic dimensions other than the first one of each input. */
  readonly dimensions?: Readonly<Record<string, number>>;
};

/** Answered anew at each run, or not the same for equal inputs: never folded. */
const NOT_FOLDED: ReadonlySet<string> = new Set(["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout"]);
/** Their output depends on the shape of their input only, which is fixed here. */
const OF_SHAPES: ReadonlySet<string> = new Set(["Shape", "Size"]);

/** Throws `AutodiffRefusal`, `OpsetRefusal`, or `ModelRefusal` where ONNX Runtime cannot run the model at this batch size. */
export async function prepareModel(model: OnnxModel, options: PrepareOptions): Promise<PreparedModel> {
  const copy = cloneModel(model);
  upgradeOpset(copy, OPSET);
  const { graph } = copy;
  inlinePlainNodes(graph, { dropsNothing: options.dropout !== "train" });
  refuseShortFloats(graph);
  widenHalf(graph);
  new GraphIndex(graph).sortTopologically();
  const inputs = await widenBatch(copy, fixInputs(graph, options), options.batchSize);
  const learnable = learnableOf(graph, options);
  const traced = await traceValues(copy, inputs);
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const types = typesOf(graph, inputs, traced);
  const nodes = unrollLearnt(foldConstants(graph, constants, learnable.all, traced), learnable.parameters, types, constants);
  const used = new Set(nodes.flatMap(({ inputs: names }) => names));
  const trained = (names: ReadonlySet<string>): TrainedTensor[] => graph.initializers.filter(({ name }) => names.has(name) && used.has(name)).map(trainedTensor);
  for (const name of learnable.all) constants.delete(name);
  return {
    nodes,
    types,
    constants,
    parameters: trained(learnable.parameters),
    buffers: trained(learnable.buffers),
    inputs: inputs.map(({ name, elementType, shape }) => ({ name, type: { elementType, dims: shape.map(Number) } })),
    outputs: graph.outputs.map(({ name }) => name),
  };
}

function refuseShortFloats(graph: OnnxGraph): void {
  const short = graph.initializers.find(({ elementType }) => elementType === "bfloat16");
  if (short !== undefined) throw new AutodiffRefusal("element_type_unsupported", `the weight "${short.name}" is stored in bfloat16; training needs single or half precision`);
}

/** Gives every input a fixed shape: the first dimension is the batch where the file leaves it open. */
function fixInputs(graph: OnnxGraph, { batchSize, dimensions = {} }: PrepareOptions): TensorSpec[] {
  const initialized = new Set(graph.initializers.map(({ name }) => name));
  graph.inputs = graph.inputs.filter(({ name }) => !initialized.has(name));
  return graph.inputs.map((input) => {
    const { type } = input;
    if (type?.kind !== "tensor" || type.shape === null) throw new AutodiffRefusal("shape_unknown", `the input "${input.name}" has no shape`);
    const shape = type.shape.map((dim, axis) => {
      if (dim.kind === "value") return dim.value;
      if (axis === 0) return batchSize;
      const said = dim.kind === "param" ? dimensions[dim.param] : undefined;
      if (said === undefined) throw new AutodiffRefusal("shape_unknown", `dimension ${axis} of the input "${input.name}" is open; say how large it is`);
      return said;
    });
    setShape(input, shape);
    return { name: input.name, elementType: type.elementType as ElementType, shape };
  });
}

function setShape(input: OnnxValueInfo, shape: readonly number[]): void {
  if (input.type?.kind === "tensor") input.type.shape = shape.map((value) => ({ kind: "value", value, denotation: "" }));
}

function learnableOf(graph: OnnxGraph, { trainable, norm }: PrepareOptions) {
  const norms = graph.nodes.filter((node) => node.opType === "BatchNormalization" && node.domain === "");
  const statisticsOf = (ofNodes: readonly OnnxNode[]): string[] => ofNodes.flatMap((node) => node.inputs.slice(3, 5));
  // A layer whose scale is not learnt is done with: it keeps its statistics too.
  const moving = norm === "train" ? norms.filter((node) => trainable(node.inputs[1] ?? "")) : [];
  const isFloat = new Set(graph.initializers.filter(({ elementType }) => elementType === "float32").map(({ name }) => name));
  const buffers = new Set(statisticsOf(moving).filter((name) => isFloat.has(name)));
  const frozen = new Set(statisticsOf(norms));
  const weights = weightsIn(graph);
  const parameters = new Set([...isFloat].filter((name) => weights.has(name) && !frozen.has(name) && trainable(name)));
  return { parameters, buffers, all: new Set([...parameters, ...buffers]) };
}

/** Answers the nodes whose result is not fixed; the results of the others become constants. */
function foldConstants(graph: OnnxGraph, constants: Map<string, OnnxTensor>, learnable: ReadonlySet<string>, traced: ReadonlyMap<string, Tensor>): OnnxNode[] {
  return graph.nodes.filter((node) => {
    const isFixed = node.inputs.every((name) => name === "" || (constants.has(name) && !learnable.has(name)));
    const folds = (OF_SHAPES.has(node.opType) && node.domain === "") || (isFixed && !NOT_FOLDED.has(node.opType) && subgraphs(node).length === 0);
    if (!folds) return true;
    for (const name of node.outputs) {
      const value = traced.get(name);
      if (value !== undefined) constants.set(name, tensorOf(name, value));
    }
    return false;
  });
}

/** Recurrent layers with something learnt before or in them are written out step by step; frozen ones stay, which is quicker. */
function unrollLearnt(nodes: readonly OnnxNode[], parameters: ReadonlySet<string>, types: Map<string, StaticType>, constants: Map<string, OnnxTensor>): OnnxNode[] {
  const learnt = new Set(parameters);
  return nodes.flatMap((node) => {
    if (!node.inputs.some((name) => learnt.has(name))) return [node];
    for (const name of node.outputs) if (name !== "") learnt.add(name);
    const isRecurrent = node.domain === "" && (node.opType === "LSTM" || node.opType === "GRU");
    if (!isRecurrent || recurrentObstacle(node, (value) => types.get(value)?.dims ?? []) !== null) return [node];
    const unrolled = unrollRecurrent(node, types);
    for (const [name, type] of unrolled.types) types.set(name, type);
    for (const tensor of unrolled.constants) constants.set(tensor.name, tensor);
    return [...unrolled.nodes];
  });
}

function tensorOf(name: string, { elementType, shape, data }: Tensor): OnnxTensor {
  const view = data as Float32Array;
  return rawTensor(name, elementType, shape, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}

function trainedTensor(tensor: OnnxTensor): TrainedTensor {
  return { name: tensor.name, dims: tensor.dims, values: Float32Array.from(tensorNumbers(tensor)) };
}

function typesOf(graph: OnnxGraph, inputs: readonly TensorSpec[], traced: ReadonlyMap<string, Tensor>): Map<string, StaticType> {
  const types = new Map<string, StaticType>(graph.initializers.map(({ name, elementType, dims }) => [name, { elementType, dims }]));
  for (const { name, elementType, shape } of inputs) types.set(name, { elementType, dims: shape.map(Number) });
  for (const [name, { elementType, shape }] of traced) types.set(name, { elementType, dims: shape });
  return types;
}
