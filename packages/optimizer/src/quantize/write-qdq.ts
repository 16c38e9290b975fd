import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { cloneModel, floats, GraphIndex, int32s, makeNode, rawTensor, scalarFloat, tensorNumbers } from "@flotilla/runtime/ir";
import { fusionRule, weightInput } from "../fusion/matrix.ts";
import type { NumberFormat, Quantisation } from "./number-formats.ts";
import { quantisationFor, quantise } from "./number-formats.ts";
import type { Placement } from "./placement.ts";
import { rowVector } from "./placement-rules.ts";
import type { QuantisedWeights } from "./weight-quantisation.ts";
import { biasScale, channelLayout, quantiseBias, quantiseWeights, scalesThatHoldBias, weightScales } from "./weight-quantisation.ts";

export type WriteOptions = {
  readonly placement: Placement;
  readonly activations: ReadonlyMap<string, Quantisation>;
  /** How the weights of a node are quantised; one scale per output channel where `perChannel` says so. */
  readonly weights: (node: OnnxNode) => { readonly format: NumberFormat; readonly perChannel: boolean };
  /** What is added to the bias of a node before it is quantised, one number per output channel. */
  readonly biasCorrections?: ReadonlyMap<string, Float64Array>;
  /** Weights of nodes, by name, that are rounded otherwise than to the nearest level; not used where the scales came out differently. */
  readonly roundings?: ReadonlyMap<string, QuantisedWeights>;
};

/**
 * The model with a QuantizeLinear and DequantizeLinear around each quantised value and integers for its weights. Same input, same bytes:
 * everything follows the order of the graph. `model` has the graph that the placement was made for and stays untouched.
 */
export function writeQdq(model: OnnxModel, options: WriteOptions): OnnxModel {
  const written = { ...cloneModel(model), graph: new QdqWriter(model.graph, options).write() };
  new GraphIndex(written.graph).removeUnused();
  return written;
}

class QdqWriter {
  readonly #graph: OnnxGraph;
  readonly #options: WriteOptions;
  readonly #index: GraphIndex;
  readonly #nodes: OnnxNode[] = [];
  readonly #added: OnnxTensor[] = [];
  /** Value of the float model → value that its readers read now. */
  readonly #readAs = new Map<string, string>();
  /** The same for nodes that stay float, where they read another. */
  readonly #floatReads = new Map<string, string>();
  /** Value of the float model → the name it is made under, where that is another. */
  readonly #madeAs = new Map<string, string>();
  readonly #params = new Map<string, readonly [scale: string, zeroPoint: string]>();
  readonly #constants = new Map<string, string>();

  constructor(graph: OnnxGraph, options: WriteOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#index = new GraphIndex(graph);
  }

  write(): OnnxGraph {
    const { placement, activations } = this.#options;
    for (const { name } of this.#graph.inputs) if (activations.has(name)) this.#addPair(name, false);
    for (const node of this.#graph.nodes) {
      if (placement.merged.has(node)) continue;
      const made = this.#rewritten(node);
      this.#nodes.push(made);
      for (const [position, name] of this.#outputsOf(node).entries()) {
        if (!activations.has(name)) continue;
        made.outputs[position] = this.#index.isGraphOutput(name) ? this.#index.freshName(`${name}_exact`) : name;
        this.#madeAs.set(name, made.outputs[position] ?? name);
        this.#addPair(name, placement.integer.has(node));
      }
    }
    return { ...this.#graph, nodes: this.#nodes, initializers: [...this.#graph.initializers, ...this.#added] };
  }

  /** Outputs, with the one that a merged Relu or Clip leaves in the place of its input. */
  #outputsOf(node: OnnxNode): string[] {
    const next = this.#index.onlyConsumer(node.outputs[0] ?? "");
    return next !== null && this.#options.placement.merged.get(next) === node ? [next.outputs[0] ?? ""] : node.outputs;
  }

  /** Q and DQ behind a value. What float operators made, float operators read as it is; integers leave their kernel rounded. */
  #addPair(name: string, isForAllReaders: boolean): void {
    const [scale, zeroPoint] = this.#paramsOf(name);
    const integers = this.#index.freshName(`${name}_quantized`);
    const isOutput = this.#madeAs.get(name) !== undefined && this.#madeAs.get(name) !== name;
    const real = isOutput ? name : this.#index.freshName(`${name}_dequantized`);
    const source = this.#madeAs.get(name) ?? name;
    this.#nodes.push(
      makeNode("QuantizeLinear", [source, scale, zeroPoint], [integers], {}, { name: this.#index.freshName(`${name}_QuantizeLinear`) }),
      makeNode("DequantizeLinear", [integers, scale, zeroPoint], [real], {}, { name: this.#index.freshName(`${name}_DequantizeLinear`) }),
    );
    this.#readAs.set(name, real);
    if (!isForAllReaders) this.#floatReads.set(name, source);
  }

  #paramsOf(name: string): readonly [string, string] {
    const leader = this.#options.placement.groups.find(name);
    const quantisation = this.#options.activations.get(name);
    if (quantisation === undefined) throw new RangeError(`${name} has no scale`);
    const known = this.#params.get(leader);
    if (known !== undefined) return known;
    const made = this.#addParams(leader, [quantisation.scale], quantisation.zeroPoint, quantisation.format.elementType, []);
    this.#params.set(leader, made);
    return made;
  }

  #addParams(prefix: string, scales: readonly number[] | Float32Array, zeroPoint: number, elementType: string, dims: readonly number[]): [string, string] {
    const scale = this.#index.freshName(`${prefix}_scale`);
    const zero = this.#index.freshName(`${prefix}_zero_point`);
    this.#added.push(dims.length === 0 ? scalarFloat(scale, scales[0] ?? 1) : floats(scale, dims, Float32Array.from(scales)));
    this.#added.push(integerTensor(zero, elementType, dims, new Array<number>(scales.length).fill(zeroPoint)));
    return [scale, zero];
  }

  #rewritten(node: OnnxNode): OnnxNode {
    const isInteger = this.#options.placement.integer.has(node);
    const read = (name: string) => (isInteger ? undefined : this.#floatReads.get(name)) ?? this.#readAs.get(name) ?? name;
    const made = { ...node, inputs: node.inputs.map(read), outputs: [...node.outputs] };
    if (!isInteger) return made;
    if (weightInput(node, 2) !== null && this.#index.constantValue(node.inputs[1] ?? "") !== null) this.#quantiseProduct(node, made);
    else if (fusionRule(node).kind === "kernel") this.#quantiseConstants(node, made);
    return made;
  }

  /** Constants beside activations get their type: the kernels want one type for all. */
  #quantiseConstants(node: OnnxNode, made: OnnxNode): void {
    for (const [position, name] of node.inputs.entries()) {
      const constant = name === "" ? null : this.#index.constantValue(name);
      if (constant?.elementType !== "float32") continue;
      made.inputs[position] = this.#constants.get(name) ?? this.#addConstant(name, constant);
    }
  }

  #addConstant(name: string, constant: OnnxTensor): string {
    const numbers = tensorNumbers(constant);
    const [{ format } = { format: null }] = this.#options.activations.values();
    if (format === null) throw new RangeError(`${name} is quantised beside nothing`);
    const quantisation = quantisationFor(format, { min: Math.min(...numbers, 0), max: Math.max(...numbers, 0) });
    const [scale, zero] = this.#addParams(name, [quantisation.scale], quantisation.zeroPoint, format.elementType, []);
    const integers = this.#index.freshName(`${name}_quantized`);
    this.#added.push(integerTensor(integers, format.elementType, constant.dims, Array.from(numbers, (value) => quantise(value, quantisation))));
    const real = this.#dequantize(integers, scale, zero, name, null);
    this.#constants.set(name, real);
    return real;
  }

  #dequantize(integers: string, scale: string, zeroPoint: string, name: string, axis: number | null): string {
    const real = this.#index.freshName(`${name}_dequantized`);
    const attributes = axis === null ? {} : { axis: { int: axis } };
    this.#nodes.push(makeNode("DequantizeLinear", [integers, scale, zeroPoint], [real], attributes, { name: this.#index.freshName(`${name}_DequantizeLinear`) }));
    return real;
  }

  #quantiseProduct(node: OnnxNode, made: OnnxNode): void {
    const product = quantisedProduct(node, this.#index, this.#options);
    const { weights, layoutAxis, bias } = product;
    const name = node.inputs[1] ?? "";
    const dims = layoutAxis === null ? [] : [weights.scales.length];
    const [scale, zero] = this.#addParams(name, weights.scales, weights.zeroPoint, weights.format.elementType, dims);
    const integers = this.#index.freshName(`${name}_quantized`);
    this.#added.push(integerTensor(integers, weights.format.elementType, product.dims, weights.values));
    made.inputs[1] = this.#dequantize(integers, scale, zero, name, layoutAxis);
    if (bias === null) return;
    const biasName = (node.inputs[2] ?? "") === "" ? `${node.name}_bias` : (node.inputs[2] ?? "");
    const [biasScaleName, biasZero] = this.#addParams(biasName, bias.scales, 0, "int32", dims);
    const biasIntegers = this.#index.freshName(`${biasName}_quantized`);
    this.#added.push(int32s(biasIntegers, [bias.values.length], bias.values));
    made.inputs[2] = this.#dequantize(biasIntegers, biasScaleName, biasZero, biasName, dims.length === 0 ? null : 0);
  }
}

type QuantisedProduct = {
  readonly weights: QuantisedWeights;
  readonly dims: readonly number[];
  /** Axis of the scales; null for one scale. */
  readonly layoutAxis: number | null;
  readonly bias: { readonly values: Int32Array; readonly scales: Float32Array } | null;
};

/** Integers for the weights and the bias of a Conv, Gemm or MatMul with constant float32 weights. */
export function quantisedProduct(node: OnnxNode, index: GraphIndex, options: Pick<WriteOptions, "activations" | "weights" | "biasCorrections" | "roundings">): QuantisedProduct {
  const constant = index.constantValue(node.inputs[1] ?? "");
  const input = options.activations.get(node.inputs[0] ?? "");
  if (constant === null || input === undefined) throw new RangeError(`${node.name} has no constant weights or no quantised input`);
  const { format, perChannel } = options.weights(node);
  const axis = weightInput(node, constant.dims.length)?.channelAxis ?? 0;
  const layout = channelLayout(constant.dims, perChannel ? axis : null);
  const outputs = constant.dims[axis] ?? 1;
  const values = tensorNumbers(constant);
  const bias = biasOf(node, index, outputs, options.biasCorrections?.get(node.name));
  let scales = weightScales(values, layout, format);
  if (bias !== null) scales = scalesThatHoldBias(scales, bias, input.scale);
  const nearest = quantiseWeights(values, layout, scales);
  const rounded = options.roundings?.get(node.name);
  const weights = rounded?.scales.every((scale, channel) => scale === nearest.scales[channel]) === true ? rounded : nearest;
  const layoutAxis = perChannel ? axis : null;
  if (bias === null) return { weights, dims: constant.dims, layoutAxis, bias: null };
  const biasScales = weights.scales.map((scale) => biasScale(input.scale, scale));
  return { weights, dims: constant.dims, layoutAxis, bias: { values: quantiseBias(bias, biasScales), scales: biasScales } };
}

/** The bias as one number an output, corrected; null where there is none (MatMul has no place for one). */
function biasOf(node: OnnxNode, index: GraphIndex, outputs: number, correction: Float64Array | undefined): Float64Array | null {
  const constant = (node.inputs[2] ?? "") === "" ? null : index.constantValue(node.inputs[2] ?? "");
  if (constant === null && (correction === undefined || node.opType === "MatMul")) return null;
  const bias = constant === null ? new Float64Array(outputs) : rowVector(constant, outputs);
  if (bias === null) throw new RangeError(`the bias of ${node.name} is not one number per output`);
  return correction === undefined ? bias : bias.map((value, channel) => value + (correction[channel] ?? 0));
}

const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array } as const;

function integerTensor(name: string, elementType: string, dims: readonly number[], values: ArrayLike<number>): OnnxTensor {
  const array = ARRAYS[elementType as keyof typeof ARRAYS].from(values);
  return rawTensor(name, elementType, dims, new Uint8Array(array.buffer));
}
