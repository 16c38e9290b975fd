import { seededRandom } from "@flotilla/runtime";
import type { OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { int32s, int8s, makeNode, scalarFloat, uint8s } from "@flotilla/runtime/ir";
import { smallModel, value } from "./small-graphs.ts";

/**
 * A small quantised image classifier with a branch, a sum, a concatenation and pools, whose weights are as large as `weightMax`: at
 * 127 pairs of its products overflow 16 bits on bright images, at 64 none does.
 */
export function qdqNetwork(weightMax: number, seed = 1): OnnxModel {
  const builder = new NetworkBuilder(weightMax, seed);
  const first = builder.convolution("conv1", "x_real", [8, 3, 3, 3], 0.004);
  const pooled = builder.quantised("pool", [makeNode("MaxPool", [first], ["pool_out"], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }, { name: "pool" })], CONV_SCALE, 0);
  const left = builder.convolution("left", pooled, [8, 8, 1, 1], 0.004);
  const right = builder.convolution("right", pooled, [8, 8, 3, 3], 0.002);
  const sum = builder.quantised("sum", [makeNode("Add", [left, right], ["sum_out"], {}, { name: "sum" })], 2 * CONV_SCALE, 0);
  const both = builder.quantised("both", [makeNode("Concat", [sum, left], ["both_out"], { axis: { int: 1 } }, { name: "both" })], 2 * CONV_SCALE, 0);
  const mean = builder.quantised("mean", [makeNode("GlobalAveragePool", [both], ["mean_out"], {}, { name: "mean" })], CONV_SCALE, 0);
  builder.classifier(mean);
  return builder.model();
}

const CONV_SCALE = 0.05;
const X_SCALE = 1 / 64;

class NetworkBuilder {
  readonly #next: () => number;
  readonly #weightMax: number;
  readonly #nodes: OnnxNode[] = [makeNode("DequantizeLinear", ["x", "x_scale", "x_zero"], ["x_real"], {}, { name: "x_dq" })];
  readonly #initializers: OnnxTensor[] = [scalarFloat("x_scale", X_SCALE), uint8s("x_zero", [], [0])];

  constructor(weightMax: number, seed: number) {
    this.#next = seededRandom(seed);
    this.#weightMax = weightMax;
  }

  #weights(count: number): number[] {
    return Array.from({ length: count }, () => Math.round((2 * this.#next() - 1) * this.#weightMax));
  }

  #weight(name: string, dims: readonly number[], scale: number): string {
    this.#initializers.push(int8s(`${name}_w`, dims, this.#weights(dims.reduce((all, dim) => all * dim, 1))), scalarFloat(`${name}_w_scale`, scale), int8s(`${name}_w_zero`, [], [0]));
    this.#nodes.push(makeNode("DequantizeLinear", [`${name}_w`, `${name}_w_scale`, `${name}_w_zero`], [`${name}_w_real`], {}, { name: `${name}_w_dq` }));
    return `${name}_w_real`;
  }

  /** Convolution with a bias and "same" padding, its output quantised with zero point 100. */
  convolution(name: string, from: string, dims: readonly number[], weightScale: number): string {
    const weight = this.#weight(name, dims, weightScale);
    const inputScale = from === "x_real" ? X_SCALE : CONV_SCALE;
    const biasScale = Math.fround(Math.fround(inputScale) * Math.fround(weightScale));
    this.#initializers.push(int32s(`${name}_b`, [dims[0] ?? 0], this.#weights(dims[0] ?? 0).map((value) => value * 20)), scalarFloat(`${name}_b_scale`, biasScale), int32s(`${name}_b_zero`, [], [0]));
    this.#nodes.push(makeNode("DequantizeLinear", [`${name}_b`, `${name}_b_scale`, `${name}_b_zero`], [`${name}_b_real`], {}, { name: `${name}_b_dq` }));
    const pad = ((dims[2] ?? 1) - 1) / 2;
    const node = makeNode("Conv", [from, weight, `${name}_b_real`], [`${name}_out`], { pads: { ints: [pad, pad, pad, pad] } }, { name });
    return this.quantised(name, [node], CONV_SCALE, from === "x_real" ? 0 : 100);
  }

  /** Adds nodes, the last of which makes `<name>_out`, and Q and DQ behind them. */
  quantised(name: string, nodes: readonly OnnxNode[], scale: number, zero: number): string {
    this.#initializers.push(scalarFloat(`${name}_scale`, scale), uint8s(`${name}_zero`, [], [zero]));
    this.#nodes.push(
      ...nodes,
      makeNode("QuantizeLinear", [`${name}_out`, `${name}_scale`, `${name}_zero`], [`${name}_q`], {}, { name: `${name}_q` }),
      makeNode("DequantizeLinear", [`${name}_q`, `${name}_scale`, `${name}_zero`], [`${name}_real`], {}, { name: `${name}_dq` }),
    );
    return `${name}_real`;
  }

  classifier(from: string): void {
    this.#nodes.push(makeNode("Flatten", [from], ["flat_out"], {}, { name: "flat" }));
    const flat = this.quantised("flat", [], CONV_SCALE, 0);
    const weight = this.#weight("last", [16, 5], 0.01);
    this.#nodes.push(makeNode("MatMul", [flat, weight], ["scores"], {}, { name: "last" }));
  }

  model(): OnnxModel {
    return smallModel({
      opset: 17,
      inputs: [value("x", [1, 3, 12, 12], "uint8")],
      outputs: [value("scores", [1, 5])],
      initializers: this.#initializers,
      nodes: this.#nodes,
    });
  }
}
