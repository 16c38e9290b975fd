import { buildModel, floatTensor, int64Tensor, seededRandom, type NodeDescription, type TensorDescription } from "@flotilla/runtime";
import { readOnnx, type OnnxModel } from "@flotilla/runtime/ir";

type Attributes = NonNullable<NodeDescription["attributes"]>;

/** Writes a network for any batch, node by node, with weights drawn from a seed. Names of weights are those of their layer. */
export class NetworkWriter {
  readonly #nodes: NodeDescription[] = [];
  readonly #initializers: TensorDescription[] = [];
  readonly #random = seededRandom(3);
  #names = 0;

  node(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.nodeOf(opType, inputs, 1, attributes)[0] ?? "";
  }

  nodeOf(opType: string, inputs: readonly string[], outputs: number, attributes: Attributes = {}): string[] {
    const names = Array.from({ length: outputs }, () => `${opType}_${this.#names++}`);
    this.#nodes.push({ name: names[0] ?? "", opType, inputs, outputs: names, attributes });
    return names;
  }

  /** Evenly drawn from −spread to spread around a middle. */
  weight(name: string, shape: readonly number[], spread: number, middle = 0): string {
    const values = Float32Array.from({ length: shape.reduce((all, dim) => all * dim, 1) }, () => middle + spread * (2 * this.#random() - 1));
    this.#initializers.push(floatTensor(name, shape, values));
    return name;
  }

  constant(name: string, value: number): string {
    this.#initializers.push(floatTensor(name, [], [value]));
    return name;
  }

  int64s(name: string, values: readonly number[]): string {
    this.#initializers.push(int64Tensor(name, [values.length], values));
    return name;
  }

  /** x · W + b on the last axis; W is [inputs, outputs]. */
  dense(name: string, x: string, inputs: number, outputs: number): string {
    const product = this.node("MatMul", [x, this.weight(`${name}/kernel`, [inputs, outputs], 1 / Math.sqrt(inputs))]);
    return this.node("Add", [product, this.weight(`${name}/bias`, [outputs], 0.1)]);
  }

  /** A dense convolution as large as its input is (or half of it at stride 2), and the batch's norm. */
  convNorm(name: string, x: string, [inputs, outputs, size, stride]: readonly [number, number, number, number]): string {
    const pad = Math.floor(size / 2);
    const kernel = this.weight(`${name}/kernel`, [outputs, inputs, size, size], Math.sqrt(6 / (inputs * size * size)));
    const conv = this.node("Conv", [x, kernel], { strides: { ints: [stride, stride] }, pads: { ints: [pad, pad, pad, pad] } });
    const each = (part: string, spread: number, middle: number): string => this.weight(`${name}/norm/${part}`, [outputs], spread, middle);
    return this.node("BatchNormalization", [conv, each("gamma", 0.2, 1), each("beta", 0.1, 0), each("mean", 0, 0), each("variance", 0, 1)]);
  }

  finish(output: string, input: { readonly name: string; readonly elementType: string; readonly shape: readonly number[] }, answers: number): OnnxModel {
    return readOnnx(buildModel({
      graph: {
        nodes: this.#nodes, initializers: this.#initializers, inputs: [{ name: input.name, elementType: input.elementType, shape: ["batch", ...input.shape] }],
        outputs: [{ name: output, elementType: "float32", shape: ["batch", answers] }],
      },
      opsets: [{ domain: "", version: 20 }], irVersion: 9,
    }));
  }
}
