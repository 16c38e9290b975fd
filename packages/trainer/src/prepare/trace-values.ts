import { openModel, syntheticFeeds, type Tensor, type TensorSpec, type Tensors } from "@flotilla/runtime";
import { cloneModel, writeOnnx, type OnnxModel, type OnnxValueInfo } from "@flotilla/runtime/ir";

/**
 * Runs a model once on made-up inputs with every value of its graph as an output. So types and shapes come from ONNX Runtime itself, whatever the operators, and the
 * values of shape arithmetic with them. Inputs must have fixed shapes.
 */
export async function traceValues(model: OnnxModel, inputs: readonly TensorSpec[], feeds: Tensors = syntheticFeeds(inputs, 1)): Promise<ReadonlyMap<string, Tensor>> {
  const exposed = cloneModel(model);
  const names = exposed.graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== "");
  exposed.graph.outputs = names.map(untyped);
  exposed.graph.valueInfos = [];
  const open = await openModel(writeOnnx(exposed), { graphOptimization: "disabled" });
  try {
    return new Map(Object.entries({ ...feeds, ...(await open.run(feeds)) }));
  } finally {
    await open.close();
  }
}

/** An output whose type the runtime infers. */
function untyped(name: string): OnnxValueInfo {
  return { name, type: null, docString: "", metadata: [], unknownFields: [] };
}
