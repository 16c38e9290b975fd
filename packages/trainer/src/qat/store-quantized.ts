import { openModel, type Tensors } from "@flotilla/runtime";
import { cloneModel, cloneNode, rawTensor, writeOnnx, type OnnxModel, type OnnxNode, type OnnxTensor } from "@flotilla/runtime/ir";

/**
 * A model from `quantizeForTraining`, trained or not, with its weights as the integers they round to: a QDQ model that computes exactly what the training's forward pass did. The
 * runtime itself rounds, with the operators of the training, so there is no second opinion on a half.
 */
export async function storeQuantized(model: OnnxModel): Promise<OnnxModel> {
  const copy = cloneModel(model);
  const { graph } = copy;
  const weights = new Set(graph.initializers.map(({ name }) => name));
  const rounding = graph.nodes.filter(({ opType, inputs: [value = "", scale = ""] }) => opType === "QuantizeLinear" && weights.has(value) && !weights.has(scale));
  if (rounding.length === 0) return copy;
  const wanted = rounding.flatMap(({ inputs: [, scale = ""], outputs: [steps = ""] }) => [scale, steps]);
  const replaced = nodesBehind(graph.nodes, wanted);
  const found = await computed(copy, replaced, wanted);
  graph.nodes = graph.nodes.filter((node) => !replaced.has(node));
  const read = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)]);
  graph.initializers = [...graph.initializers, ...[...new Set(wanted)].map((name) => tensorOf(name, found))].filter(({ name }) => read.has(name));
  return copy;
}

function nodesBehind(nodes: readonly OnnxNode[], values: readonly string[]): ReadonlySet<OnnxNode> {
  const needed = new Set(values);
  return new Set(nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  }));
}

async function computed(model: OnnxModel, nodes: ReadonlySet<OnnxNode>, values: readonly string[]): Promise<Tensors> {
  const part = cloneModel(model);
  part.graph.nodes = model.graph.nodes.filter((node) => nodes.has(node)).map(cloneNode);
  part.graph.inputs = [];
  part.graph.valueInfos = [];
  part.graph.outputs = [...new Set(values)].map((name) => ({ name, type: null, docString: "", metadata: [], unknownFields: [] }));
  const open = await openModel(writeOnnx(part), { graphOptimization: "disabled" });
  try {
    return await open.run({});
  } finally {
    await open.close();
  }
}

function tensorOf(name: string, found: Tensors): OnnxTensor {
  const tensor = found[name];
  if (tensor === undefined) throw new RangeError(`the value "${name}" was not computed`);
  const data = tensor.data as Float32Array | Int8Array;
  return rawTensor(name, tensor.elementType, tensor.shape, new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)));
}
