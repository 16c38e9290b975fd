import { cloneModel, floats, type OnnxModel } from "@flotilla/runtime/ir";

/** The model with other weights under the same names: graph, inputs, outputs and every tensor that is not named stay byte for byte as they are. */
export function withWeights(model: OnnxModel, weights: ReadonlyMap<string, Float32Array>): OnnxModel {
  const copy = cloneModel(model);
  copy.graph.initializers = copy.graph.initializers.map((tensor) => {
    const values = weights.get(tensor.name);
    return values === undefined ? tensor : { ...floats(tensor.name, tensor.dims, values), docString: tensor.docString, metadata: tensor.metadata };
  });
  for (const node of copy.graph.nodes) {
    const [output = ""] = node.outputs;
    const values = weights.get(output);
    if (node.opType !== "Constant" || values === undefined) continue;
    for (const attribute of node.attributes) if (attribute.type === "tensor") attribute.value = floats(attribute.value.name, attribute.value.dims, values);
  }
  return copy;
}
