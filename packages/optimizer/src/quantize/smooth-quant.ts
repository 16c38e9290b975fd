import type { OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { cloneModel, floats, GraphIndex, inferShapes, int64s, intAttribute, makeNode, tensorNumbers } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import type { PassChange } from "../pass.ts";
import { withTensorOutputs } from "./range-probes.ts";
import type { CalibrationContext } from "./sampler.ts";
import { Sampler } from "./sampler.ts";
import { channelLayout, forEachWeight } from "./weight-quantisation.ts";

/** A LayerNormalization all of whose readers are products with constant weights. */
type Site = { readonly norm: OnnxNode; readonly readers: readonly OnnxNode[] };

/** Share of the difficulty that is moved from the activations into the weights. */
const ALPHA = 0.5;

/**
 * SmoothQuant (Xiao et al., 2023): columns of activations with rare huge values are divided by s = max|X|^α / max|W|^(1−α), and the rows
 * of the weights behind them multiplied. The division costs nothing, since it goes into the scale and bias of the LayerNormalization in
 * front; where there is none the columns are left. Edits `model` in place; in float nothing changes.
 */
export async function smoothActivations(model: OnnxModel, examples: ExampleSource, options: { readonly alpha?: number } = {}, context: CalibrationContext = {}): Promise<PassChange[]> {
  const found = sites(model);
  if (found.length === 0) return [];
  const largest = await columnMagnitudes(model, found.map(({ norm }) => norm.outputs[0] ?? ""), examples, context);
  const index = new GraphIndex(model.graph);
  const edited = new Map<string, OnnxTensor>();
  for (const { norm, readers } of found) {
    const columns = largest.get(norm.outputs[0] ?? "");
    if (columns === undefined) continue;
    const factors = smoothingFactors(columns, rowMagnitudes(readers, columns.length, index), options.alpha ?? ALPHA);
    for (const name of norm.inputs.slice(1)) if (name !== "") edited.set(name, scaled(index.initializer(name), 0, factors.map((factor) => 1 / factor)));
    for (const node of readers) edited.set(node.inputs[1] ?? "", scaled(index.initializer(node.inputs[1] ?? ""), rowAxis(node), factors));
  }
  model.graph.initializers = model.graph.initializers.map((tensor) => edited.get(tensor.name) ?? tensor);
  return found.map(({ norm, readers }) => ({ node: norm.name, what: `shares its extremes with the weights of ${readers.map(({ name }) => name).join(", ")}` }));
}

function sites(model: OnnxModel): Site[] {
  const index = new GraphIndex(model.graph);
  const types = inferShapes(model);
  return model.graph.nodes.flatMap((norm) => {
    if (norm.opType !== "LayerNormalization" || norm.domain !== "" || norm.outputs.length > 1) return [];
    const name = norm.outputs[0] ?? "";
    const width = types.get(name)?.shape?.at(-1);
    const isLastAxis = [-1, (types.get(name)?.shape?.length ?? 0) - 1].includes(intAttribute(norm, "axis", -1));
    const readers = index.consumers(name);
    const isOwn = (tensor: string, owner: OnnxNode) => tensor === "" || (index.constantValue(tensor)?.elementType === "float32" && index.onlyConsumer(tensor) === owner);
    const isReady = readers.every((node) => isProduct(node) && node.inputs[0] === name && isOwn(node.inputs[1] ?? "", node) && index.constantValue(node.inputs[1] ?? "")?.dims.length === 2);
    if (typeof width !== "number" || !isLastAxis || readers.length === 0 || index.isGraphOutput(name) || !isReady) return [];
    return norm.inputs.slice(1).every((tensor) => isOwn(tensor, norm)) ? [{ norm, readers }] : [];
  });
}

function isProduct(node: OnnxNode): boolean {
  if (node.domain !== "") return false;
  return node.opType === "MatMul" || (node.opType === "Gemm" && intAttribute(node, "transA", 0) === 0);
}

/** Axis of the weights along which the columns of the activation stand. */
function rowAxis(node: OnnxNode): 0 | 1 {
  return node.opType === "Gemm" && intAttribute(node, "transB", 0) !== 0 ? 1 : 0;
}

function rowMagnitudes(readers: readonly OnnxNode[], width: number, index: GraphIndex): Float64Array {
  const largest = new Float64Array(width);
  for (const node of readers) {
    const tensor = index.initializer(node.inputs[1] ?? "");
    if (tensor === null) continue;
    const values = tensorNumbers(tensor);
    forEachWeight(channelLayout(tensor.dims, rowAxis(node)), (at, row) => {
      largest[row] = Math.max(largest[row] ?? 0, Math.abs(values[at] ?? 0));
    });
  }
  return largest;
}

function smoothingFactors(columns: Float64Array, rows: Float64Array, alpha: number): Float64Array {
  return columns.map((column, at) => {
    const factor = column ** alpha / (rows[at] ?? 0) ** (1 - alpha);
    return Number.isFinite(factor) && factor > 0 ? factor : 1;
  });
}

function scaled(tensor: OnnxTensor | null, axis: number, factors: Float64Array): OnnxTensor {
  if (tensor === null) throw new RangeError("a constant to be smoothed is gone");
  const values = tensorNumbers(tensor);
  forEachWeight(channelLayout(tensor.dims, axis), (at, channel) => {
    values[at] = (values[at] ?? 0) * (factors[channel] ?? 1);
  });
  return { ...tensor, ...floats(tensor.name, tensor.dims, Float32Array.from(values)) };
}

/** Largest magnitude of each column (last axis) of the named values over the examples. */
async function columnMagnitudes(model: OnnxModel, names: readonly string[], examples: ExampleSource, context: CalibrationContext): Promise<Map<string, Float64Array>> {
  const probed = cloneModel(model);
  const index = new GraphIndex(probed.graph);
  const widths = inferShapes(model);
  const isAxesInput = (model.opsets.find(({ domain }) => domain === "")?.version ?? 0) >= 18;
  const axes = index.freshName("column_axes");
  probed.graph.initializers.push(int64s(axes, [1], [0]));
  const outputs = new Map<string, string>();
  for (const name of names) {
    const [shape, rows, magnitudes, output] = ["shape", "rows", "magnitudes", "largest"].map((part) => index.freshName(`${name}_${part}`));
    if (shape === undefined || rows === undefined || magnitudes === undefined || output === undefined) continue;
    probed.graph.initializers.push(int64s(shape, [2], [-1, Number(widths.get(name)?.shape?.at(-1) ?? -1)]));
    const attributes = { keepdims: { int: 0 }, ...(isAxesInput ? {} : { axes: { ints: [0] } }) };
    probed.graph.nodes.push(
      makeNode("Reshape", [name, shape], [rows], {}, { name: rows }),
      makeNode("Abs", [rows], [magnitudes], {}, { name: magnitudes }),
      makeNode("ReduceMax", isAxesInput ? [magnitudes, axes] : [magnitudes], [output], attributes, { name: output }),
    );
    outputs.set(name, output);
  }
  const largest = new Map<string, Float64Array>();
  await new Sampler(context, examples.count).eachRun(withTensorOutputs(probed, [...outputs.values()]), examples, (results) => {
    for (const [name, output] of outputs) {
      const data = results[output]?.data;
      if (!(data instanceof Float32Array)) continue;
      const known = largest.get(name) ?? new Float64Array(data.length);
      largest.set(name, known.map((value, column) => Math.max(value, data[column] ?? 0)));
    }
  });
  return largest;
}
