import { openModel, seededRandom } from "@flotilla/runtime";
import { writeOnnx, type AttributeInput } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { emitForward } from "../autodiff/emit-forward.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { prepareModel } from "../prepare/prepare-model.ts";
import { networkErrors } from "../testing/network-check.ts";

type Attributes = Readonly<Record<string, AttributeInput>>;
const ints = (...values: readonly number[]) => ({ ints: values });
const CASES: readonly [string, readonly number[], readonly number[], Attributes][] = [
  ["no padding", [5, 5], [3, 3], {}],
  ["padding, on places so few that the input's gradient is a product", [4, 4], [4, 4], { pads: ints(1, 1, 1, 1) }],
  ["strides and padding", [6, 7], [3, 4], { strides: ints(2, 2), pads: ints(1, 1, 1, 1) }],
  ["dilations and padding on one side", [7, 7], [5, 4], { dilations: ints(2, 2), pads: ints(1, 1, 1, 0) }],
];

function network(image: readonly number[], out: readonly number[], attributes: Attributes) {
  const builder = new GraphBuilder("dense");
  const random = seededRandom(3);
  const numbers = (dims: readonly number[]): string => builder.floats(Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5), dims);
  const first = builder.emit("Conv", [builder.input("x", float32([2, 3, ...image])), numbers([16, 3, 1, 1])], float32([2, 16, ...image]));
  builder.output(builder.emit("Conv", [first, numbers([4, 16, 3, 3]), numbers([4])], float32([2, 4, ...out]), attributes), "y");
  return builder.toModel();
}

test.each(CASES)("as a product of columns, a convolution gives the values and gradients that it gives as it is: %s", async (_, image, out, attributes) => {
  const model = network(image, out, attributes);
  const answers = async (trainable: boolean): Promise<Float32Array> => {
    const prepared = await prepareModel(model, { batchSize: 2, trainable: () => trainable });
    const step = new GraphBuilder("step", prepared.types.keys());
    for (const { name, type } of prepared.inputs) step.input(name, type);
    for (const { name, dims, values } of prepared.parameters) step.rename(step.floats([...values], dims), name);
    emitForward(step, prepared);
    step.output(prepared.outputs[0] ?? "");
    const written = step.toModel();
    expect(written.graph.nodes.some(({ opType }) => opType === "Gemm")).toBe(trainable);
    const open = await openModel(writeOnnx(written), { graphOptimization: "disabled" });
    const random = seededRandom(5);
    const found = await open.run({ x: { elementType: "float32", shape: [2, 3, ...image], data: Float32Array.from({ length: 6 * (image[0] ?? 1) * (image[1] ?? 1) }, () => random() - 0.5) } });
    await open.close();
    return Float32Array.from(Object.values(found)[0]?.data ?? [], Number);
  };
  const [asProduct, asItIs] = [await answers(true), await answers(false)];
  expect(asProduct.length).toBe(asItIs.length);
  for (const [i, value] of asItIs.entries()) expect(asProduct[i]).toBeCloseTo(value, 4);
  const { byParameter } = await networkErrors(model, { batchSize: 2, step: 0.1 });
  expect(byParameter.size).toBe(3);
  expect(Math.max(...byParameter.values())).toBeLessThan(1e-4);
});
