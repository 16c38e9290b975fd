import { openModel, seededRandom, type Tensor, type Tensors } from "@flotilla/runtime";
import { GraphIndex, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { differentiate } from "../autodiff/differentiate.ts";
import { emitForward } from "../autodiff/emit-forward.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { PreparedModel } from "../prepare/prepared-model.ts";

/** A small graph whose gradients are compared with differences. */
export type GradientCase = {
  /** Values that gradients are taken of: their shapes, and the range they are drawn from (default −1 to 1). */
  readonly inputs: Readonly<Record<string, { readonly dims: readonly number[]; readonly from?: number; readonly to?: number }>>;
  /** Writes the graph and answers the value whose weighted sum is the loss. */
  readonly write: (builder: GraphBuilder) => string;
  /** float64 where ONNX Runtime has such a kernel. */
  readonly elementType?: "float64" | "float32";
  /** Half of the difference's width; what is linear bears a wide one. */
  readonly step?: number;
  readonly seed?: number;
};

/** Largest difference between a gradient and the central difference, as a share of the largest gradient of that input. */
export async function largestGradientError(check: GradientCase): Promise<number> {
  const { elementType = "float64", step = elementType === "float64" ? 1e-5 : 1e-2, seed = 1 } = check;
  const random = seededRandom(seed);
  const drawn = new Map(Object.entries(check.inputs).map(([name, { dims, from = -1, to = 1 }]) => [name, { dims, values: Array.from({ length: count(dims) }, () => from + (to - from) * random()) }]));
  const step1 = new GraphBuilder("gradients");
  const prepared = preparedOf(check, elementType);
  for (const { name, type } of prepared.inputs) step1.input(name, type);
  const forward = emitForward(step1, prepared);
  const [output = ""] = prepared.outputs;
  const shape = forward.math.dims(output);
  const weights = step1.input("weights", { elementType, dims: shape });
  const gradients = differentiate(forward, new Map([[output, weights]]), [...drawn.keys()]);
  const loss = forward.math.sum(forward.math.multiply(output, weights), shape.map((_, axis) => axis));
  step1.output(loss, "loss");
  for (const [name, value] of gradients) step1.output(value, `gradient of ${name}`);
  const open = await openModel(writeOnnx(step1.toModel()), { graphOptimization: "disabled" });
  try {
    const weighting = Array.from({ length: count(shape) }, () => 2 * random() - 1);
    const feeds = (changed?: { name: string; at: number; by: number }): Tensors => ({
      weights: tensor(elementType, shape, weighting),
      ...Object.fromEntries([...drawn].map(([name, { dims, values }]) => [name, tensor(elementType, dims, values.map((value, at) => (changed?.name === name && changed.at === at ? value + changed.by : value)))])),
    });
    const lossAt = async (changed: { name: string; at: number; by: number }): Promise<number> => Number(((await open.run(feeds(changed)))["loss"] as Tensor).data[0]);
    const found = await open.run(feeds());
    let worst = 0;
    for (const [name, { values }] of drawn) {
      const written = found[`gradient of ${name}`]?.data as Float64Array | undefined;
      const differences: number[] = [];
      for (let at = 0; at < values.length; at += 1) differences.push(((await lossAt({ name, at, by: step })) - (await lossAt({ name, at, by: -step }))) / (2 * step));
      const scale = Math.max(...differences.map(Math.abs), 1e-6);
      for (const [at, difference] of differences.entries()) worst = Math.max(worst, Math.abs(difference - Number(written?.[at] ?? 0)) / scale);
    }
    return worst;
  } finally {
    await open.close();
  }
}

/** The case as a prepared model, in the element type of the check. */
function preparedOf(check: GradientCase, elementType: "float64" | "float32"): PreparedModel {
  const builder = new GraphBuilder("case");
  for (const [name, { dims }] of Object.entries(check.inputs)) builder.input(name, { elementType, dims });
  const output = check.write(builder);
  builder.output(output);
  const model: OnnxModel = builder.toModel();
  const names = model.graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== "");
  const types = new Map(names.map((name) => [name, builder.typeOf(name)]));
  new GraphIndex(model.graph).sortTopologically();
  return {
    nodes: model.graph.nodes, types, constants: new Map(model.graph.initializers.map((initializer) => [initializer.name, initializer])), parameters: [], buffers: [],
    inputs: Object.entries(check.inputs).map(([name, { dims }]) => ({ name, type: { elementType, dims } })), outputs: [output],
  };
}

function tensor(elementType: "float64" | "float32", shape: readonly number[], values: readonly number[]): Tensor {
  return { elementType, shape, data: elementType === "float64" ? Float64Array.from(values) : Float32Array.from(values) };
}

const count = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
