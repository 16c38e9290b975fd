import { expect, test } from "vitest";
import type { AttributeInput } from "../attributes.ts";
import { makeNode } from "../attributes.ts";
import { floats, int32s, int64s, int8s, scalarFloat, uint8s } from "../tensors.ts";
import { sampleModel, tensorValue } from "../testing/sample-model.ts";
import { compareShapes } from "../testing/shape-comparison.ts";
import type { OnnxModel, OnnxNode, OnnxTensor } from "../types.ts";
import { inferShapes } from "./infer-shapes.ts";

// Networks the way exporters write them: every inner value must be known, with the sizes of the inputs given or only named.

/** Collects nodes and weights under names that follow from each other. */
class Network {
  readonly nodes: OnnxNode[] = [];
  readonly weights: OnnxTensor[] = [];
  #count = 0;

  node(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeInput>> = {}, outputs = 1): string[] {
    const names = Array.from({ length: outputs }, () => this.#name(opType));
    this.nodes.push(makeNode(opType, inputs, names, attributes));
    return names;
  }

  one(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeInput>> = {}): string {
    return this.node(opType, inputs, attributes)[0] ?? "";
  }

  weight(...dims: number[]): string {
    return this.constant(floats("", dims, Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, (_, at) => ((at * 5) % 17) / 17 - 0.5)));
  }

  ints(...values: number[]): string {
    return this.constant(int64s("", [values.length], values));
  }

  scalar(value: number): string {
    return this.constant(int64s("", [], [value]));
  }

  constant(tensor: OnnxTensor): string {
    const name = this.#name("w");
    this.weights.push({ ...tensor, name });
    return name;
  }

  #name(prefix: string): string {
    this.#count += 1;
    return `${prefix}${this.#count}`;
  }
}

/** Reshape to heads with the sizes read off the input, as PyTorch's exporter writes view(). */
function splitHeads(net: Network, x: string, heads: number, width: number): string {
  const sizes = net.one("Shape", [x]);
  const at = (axis: number) => net.one("Unsqueeze", [net.one("Gather", [sizes, net.scalar(axis)], { axis: { int: 0 } }), net.ints(0)]);
  const target = net.one("Concat", [at(0), at(1), net.ints(heads), net.ints(width)], { axis: { int: 0 } });
  return net.one("Transpose", [net.one("Reshape", [x, target])], { perm: { ints: [0, 2, 1, 3] } });
}

function transformer(): OnnxModel {
  const net = new Network();
  const [hidden, heads] = [8, 2];
  const embedded = net.one("Gather", [net.weight(11, hidden), "ids"]);
  const positions = net.one("Slice", [net.weight(16, hidden), net.ints(0), net.one("Gather", [net.one("Shape", ["ids"]), net.ints(1)]), net.ints(0)]);
  const x = net.one("LayerNormalization", [net.one("Add", [embedded, positions]), net.weight(hidden), net.weight(hidden)]);
  const projected = net.one("Add", [net.one("MatMul", [x, net.weight(hidden, 3 * hidden)]), net.weight(3 * hidden)]);
  const [q = "", k = "", v = ""] = net.node("Split", [projected, net.ints(hidden, hidden, hidden)], { axis: { int: -1 } }, 3).map((part) => splitHeads(net, part, heads, hidden / heads));
  const scores = net.one("Div", [net.one("MatMul", [q, net.one("Transpose", [k], { perm: { ints: [0, 1, 3, 2] } })]), net.constant(scalarFloat("", 2))]);
  const mask = net.one("Cast", [net.one("Expand", [net.one("Unsqueeze", ["mask", net.ints(1, 2)]), net.one("Shape", [scores])])], { to: { int: 9 } });
  const attention = net.one("Softmax", [net.one("Where", [mask, scores, net.constant(scalarFloat("", -1e9))])], { axis: { int: -1 } });
  const mixed = net.one("Transpose", [net.one("MatMul", [attention, v])], { perm: { ints: [0, 2, 1, 3] } });
  const joined = net.one("Reshape", [mixed, net.ints(0, 0, hidden)]);
  const up = net.one("MatMul", [joined, net.weight(hidden, 2 * hidden)]);
  const gelu = net.one("Mul", [net.one("Mul", [up, net.one("Add", [net.one("Erf", [net.one("Div", [up, net.constant(scalarFloat("", 1.4142135))])]), net.constant(scalarFloat("", 1))])]), net.constant(scalarFloat("", 0.5))]);
  const down = net.one("Add", [x, net.one("MatMul", [gelu, net.weight(2 * hidden, hidden)])]);
  const pooled = net.one("ReduceMean", [down], { axes: { ints: [1] }, keepdims: { int: 0 } });
  net.nodes.push(makeNode("Gemm", [pooled, net.weight(5, hidden), net.weight(5)], ["logits"], { transB: { int: 1 } }));
  return sampleModel({ inputs: [tensorValue("ids", "int64", ["batch", "tokens"]), tensorValue("mask", "int64", ["batch", "tokens"])], outputs: [tensorValue("logits", "float32", null)], initializers: net.weights, nodes: net.nodes });
}

function detector(): OnnxModel {
  const net = new Network();
  const conv = (x: string, from: number, to: number, stride: number) => {
    const y = net.one("Conv", [x, net.weight(to, from, 3, 3)], { pads: { ints: [1, 1, 1, 1] }, strides: { ints: [stride, stride] } });
    return net.one("Mul", [y, net.one("Sigmoid", [y])]);
  };
  const fine = conv("image", 3, 4, 2);
  const coarse = conv(fine, 4, 8, 2);
  const pooled = net.one("Concat", [coarse, net.one("MaxPool", [coarse], { kernel_shape: { ints: [5, 5] }, pads: { ints: [2, 2, 2, 2] } })], { axis: { int: 1 } });
  const larger = net.one("Resize", [pooled, "", net.constant(floats("", [4], [1, 1, 2, 2]))], { mode: { string: "nearest" } });
  const merged = conv(net.one("Concat", [larger, fine], { axis: { int: 1 } }), 20, 14, 1);
  const sizes = net.one("Shape", [merged]);
  const size = (axis: number) => net.one("Unsqueeze", [net.one("Gather", [sizes, net.scalar(axis)]), net.ints(0)]);
  const grid = net.one("Reshape", [merged, net.one("Concat", [net.ints(1), net.ints(2), net.ints(7), size(2), size(3)], { axis: { int: 0 } })]);
  const boxes = net.one("Reshape", [net.one("Transpose", [grid], { perm: { ints: [0, 1, 3, 4, 2] } }), net.ints(1, -1, 7)]);
  const [xy = "", rest = ""] = net.node("Split", [net.one("Sigmoid", [boxes]), net.ints(2, 5)], { axis: { int: 2 } }, 2);
  net.nodes.push(makeNode("Concat", [net.one("Mul", [xy, net.constant(scalarFloat("", 8))]), rest], ["boxes"], { axis: { int: -1 } }));
  return sampleModel({ inputs: [tensorValue("image", "float32", [1, 3, 32, 24])], outputs: [tensorValue("boxes", "float32", null)], initializers: net.weights, nodes: net.nodes });
}

function keywordSpotter(): OnnxModel {
  const net = new Network();
  const features = net.one("Relu", [net.one("Conv", ["sound", net.weight(4, 1, 5), net.weight(4)], { strides: { ints: [2] }, pads: { ints: [2, 2] } })]);
  const depthwise = net.one("Conv", [features, net.weight(4, 1, 3)], { group: { int: 4 }, pads: { ints: [1, 1] } });
  const norm = net.one("BatchNormalization", [depthwise, net.weight(4), net.weight(4), net.weight(4), net.constant(floats("", [4], [1, 1, 1, 1]))]);
  const [, last = ""] = net.node("LSTM", [net.one("Transpose", [norm], { perm: { ints: [2, 0, 1] } }), net.weight(2, 12, 4), net.weight(2, 12, 3)], { hidden_size: { int: 3 }, direction: { string: "bidirectional" } }, 2);
  const flat = net.one("Reshape", [net.one("Transpose", [last], { perm: { ints: [1, 0, 2] } }), net.ints(0, -1)]);
  net.nodes.push(makeNode("Gemm", [net.one("Clip", [flat, net.constant(scalarFloat("", -1)), net.constant(scalarFloat("", 1))]), net.weight(6, 5)], ["words"], {}));
  return sampleModel({ inputs: [tensorValue("sound", "float32", ["batch", 1, 40])], outputs: [tensorValue("words", "float32", null)], initializers: net.weights, nodes: net.nodes });
}

function quantized(): OnnxModel {
  const net = new Network();
  const scale = net.constant(scalarFloat("", 0.05));
  const zero = net.constant(uint8s("", [], [128]));
  const between = (x: string) => net.one("DequantizeLinear", [net.one("QuantizeLinear", [x, scale, zero]), scale, zero]);
  const weights = net.one("DequantizeLinear", [net.constant(int8s("", [4, 3, 3, 3], Array.from({ length: 108 }, (_, at) => (at % 9) - 4))), net.weight(4)], { axis: { int: 0 } });
  const bias = net.one("DequantizeLinear", [net.constant(int32s("", [4], [1, 2, 3, 4])), net.weight(4)], { axis: { int: 0 } });
  const y = between(net.one("Conv", [between("image"), weights, bias], { pads: { ints: [1, 1, 1, 1] } }));
  const z = between(net.one("Add", [y, between(net.one("AveragePool", [y], { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } }))]));
  net.nodes.push(makeNode("Flatten", [between(net.one("GlobalAveragePool", [z]))], ["features"]));
  return sampleModel({ inputs: [tensorValue("image", "float32", ["batch", 3, 8, 8])], outputs: [tensorValue("features", "float32", null)], initializers: net.weights, nodes: net.nodes });
}

const NETWORKS = { transformer, detector, keywordSpotter, quantized } as const;

for (const [name, build] of Object.entries(NETWORKS)) {
  test(`every value of a ${name} is known and right`, async () => {
    const { wrong, open } = await compareShapes(build(), { dimensions: { batch: 2, tokens: 5 } });
    expect({ wrong, open }).toEqual({ wrong: [], open: [] });
  });
}

test("named sizes go as far as they can be told", () => {
  const types = inferShapes(transformer());
  expect(types.get("logits")).toEqual({ elementType: "float32", shape: ["batch", 5] });
  // The positions are cut to the number of tokens, which a table of 16 may not have.
  const softmax = transformer().graph.nodes.find(({ opType }) => opType === "Softmax");
  expect(types.get(softmax?.outputs[0] ?? "")?.shape).toEqual(["batch", 2, null, null]);
  expect(inferShapes(keywordSpotter()).get("words")?.shape).toEqual(["batch", 5]);
  expect(inferShapes(quantized()).get("features")?.shape).toEqual(["batch", 4]);
});
