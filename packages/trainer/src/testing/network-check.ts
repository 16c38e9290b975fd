import { openModel, seededRandom, syntheticFeeds, type ElementType, type Tensor, type Tensors } from "@flotilla/runtime";
import { writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { differentiate } from "../autodiff/differentiate.ts";
import { emitForward } from "../autodiff/emit-forward.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { prepareModel } from "../prepare/prepare-model.ts";

/** Directions that the weights of each tensor are moved in. */
const DIRECTIONS = 2;
/** Errors of a tensor whose gradient is smaller than that share of the whole one (the bias of attention's keys: 0) are measured by this share. */
const LEAST_SHARE = 1e-2;

/** What of the network is checked: its batch, which weights are learnt, and how far they are moved (small beside them, large beside the digits of single precision). */
export type NetworkCheck = { readonly batchSize: number; readonly trainable?: (name: string) => boolean; readonly step?: number };

export type NetworkErrors = {
  /** For each learnt tensor: how far the slope along a direction is from the central difference, as a share of the gradient's length. */
  readonly byParameter: ReadonlyMap<string, number>;
  readonly operators: readonly string[];
};

/** Compares all gradients of a whole network in single precision with central differences along random directions of length 1. */
export async function networkErrors(model: OnnxModel, { batchSize, trainable = () => true, step = 1e-2 }: NetworkCheck): Promise<NetworkErrors> {
  const prepared = await prepareModel(model, { batchSize, trainable, norm: "train" });
  const builder = new GraphBuilder("whole network", prepared.types.keys());
  for (const { name, type } of prepared.inputs) builder.input(name, type);
  for (const { name, dims } of [...prepared.parameters, ...prepared.buffers]) builder.input(name, float32(dims));
  const forward = emitForward(builder, prepared);
  const [output = ""] = prepared.outputs;
  const seed = builder.input("dLoss/dOutput", float32(builder.dimsOf(output)));
  const gradients = differentiate(forward, new Map([[output, seed]]), prepared.parameters.map(({ name }) => name));
  builder.output(builder.emit("Identity", [output], builder.typeOf(output)), "network answer");
  for (const [name, value] of gradients) builder.output(value, `gradient of ${name}`);
  const written = builder.toModel();
  const open = await openModel(writeOnnx(written), { graphOptimization: "disabled" });
  try {
    const random = seededRandom(7);
    const drawn = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * random() - 1);
    const weighting = drawn(builder.elementsOf(seed));
    const feeds: Tensors = {
      ...syntheticFeeds(prepared.inputs.map(({ name, type }) => ({ name, elementType: type.elementType as ElementType, shape: type.dims })), 3),
      ...Object.fromEntries([...prepared.parameters, ...prepared.buffers].map(({ name, dims, values }) => [name, single(dims, values)])),
      [seed]: single(builder.dimsOf(seed), weighting),
    };
    const lossWith = async (changed: Tensors): Promise<number> => dot(numbersOf((await open.run({ ...feeds, ...changed }))["network answer"]), weighting);
    const found = await open.run(feeds);
    const byParameter = new Map<string, number>();
    const squares = prepared.parameters.map(({ name }) => numbersOf(found[`gradient of ${name}`])).map((gradient) => dot(gradient, gradient));
    const least = LEAST_SHARE * Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
    for (const { name, dims, values } of prepared.parameters) {
      const gradient = numbersOf(found[`gradient of ${name}`]);
      for (let i = 0; i < DIRECTIONS; i += 1) {
        const along = ofLengthOne(i === 0 ? gradient : drawn(values.length));
        const moved = (by: number): Tensors => ({ [name]: single(dims, values.map((value, at) => value + by * (along[at] ?? 0))) });
        const apart = async (by: number): Promise<number> => (await lossWith(moved(by))) - (await lossWith(moved(-by)));
        // Over four points, which an error of the third order does not reach (Abramowitz and Stegun, 25.3.6).
        const difference = (8 * (await apart(step)) - (await apart(2 * step))) / (12 * step);
        const error = Math.abs(difference - dot(gradient, along)) / Math.max(Math.sqrt(dot(gradient, gradient)), least);
        byParameter.set(name, Math.max(byParameter.get(name) ?? 0, error));
      }
    }
    return { byParameter, operators: written.graph.nodes.map(({ opType }) => opType) };
  } finally {
    await open.close();
  }
}

function single(shape: readonly number[], data: Float32Array): Tensor {
  return { elementType: "float32", shape: [...shape], data };
}

function numbersOf(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new RangeError("the network answers no single precision");
  return tensor.data;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
}

function ofLengthOne(values: Float32Array): Float32Array {
  const length = Math.sqrt(dot(values, values));
  return length === 0 ? values : values.map((value) => value / length);
}
