import { buildModel, openModel, syntheticFeeds } from "@flotilla/runtime";
import { readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { strideFor } from "./histogram.ts";
import { withSampledOutputs, withTensorOutputs } from "./range-probes.ts";

const SIZE = 300;

function model(rows: number | string) {
  const inputs = [{ name: "x", elementType: "float32", shape: [rows, SIZE] }];
  const nodes = [{ opType: "Relu", name: "relu", inputs: ["x"], outputs: ["large"] }, { opType: "ReduceMax", name: "most", inputs: ["large"], outputs: ["y"] }];
  return readOnnx(buildModel({ graph: { inputs, outputs: [{ name: "y", elementType: "float32", shape: [1, 1] }], initializers: [], nodes } }));
}

const FEEDS = syntheticFeeds([{ name: "x", elementType: "float32", shape: [SIZE, SIZE] }], 1);

async function values(probed: ReturnType<typeof model>, name: string): Promise<Float32Array> {
  const session = await openModel(writeOnnx(probed));
  const found = (await session.run(FEEDS))[name]?.data;
  await session.close();
  return found as Float32Array;
}

test("of a large tensor the very values leave the runtime that a histogram counts, of a small one all", async () => {
  const { model: sampled, outputs } = withSampledOutputs(model(SIZE), ["x", "large", "y"]);
  const all = await values(withTensorOutputs(model(SIZE), ["large"]), "large");
  const stride = strideFor(all.length);
  expect(stride).toBeGreaterThan(1);
  const found = await values(sampled, outputs.get("large") ?? "");
  expect(found).toEqual(all.filter((_, index) => index % stride === 0));
  expect(strideFor(found.length)).toBe(1);
  expect([outputs.get("x"), outputs.get("y")]).toEqual([undefined, "y"]);
});

test("a tensor whose size is not known leaves whole", () => {
  expect(withSampledOutputs(model("rows"), ["large"]).outputs.get("large")).toBe("large");
});
