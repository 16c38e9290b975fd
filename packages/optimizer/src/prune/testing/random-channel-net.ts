import { seededRandom } from "@flotilla/runtime";
import type { AttributeInput, OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { floats, int64s, makeNode } from "@flotilla/runtime/ir";
import { smallModel, value } from "../../testing/small-graphs.ts";

/** Parts a net is put together from; each keeps to images of at least one pixel. */
export const CHANNEL_PARTS = [
  "conv", "grouped", "depthwise", "transposed", "batchNorm", "activation", "prelu", "pad", "pool", "resize", "residual", "dense", "split", "gate", "slice", "shuffle",
  "squeeze", "channelsLast", "depthToSpace", "spaceToDepth", "normalise", "flip", "shared",
] as const;

type ChannelPart = (typeof CHANNEL_PARTS)[number];

export type ChannelNet = { readonly seed: number; readonly opset: 11 | 13 | 18; readonly batch: number | "N"; readonly parts: readonly ChannelPart[]; readonly head: "flatten" | "reshape" | "pooled" };

/** A network with random weights: an image input "x" of three channels, the parts in their order, two products, output "y" of five numbers. */
export function randomChannelNet(net: ChannelNet): OnnxModel {
  return new ChannelNetBuilder(net).build();
}

class ChannelNetBuilder {
  readonly #net: ChannelNet;
  readonly #random: () => number;
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxTensor[] = [];
  #value = "x";
  #channels = 3;
  #size = 8;
  #count = 0;

  constructor(net: ChannelNet) {
    this.#net = net;
    this.#random = seededRandom(net.seed);
  }

  build(): OnnxModel {
    this.#conv(this.#pick([4, 8]));
    for (const part of this.#net.parts) this.#part(part);
    const features = this.#head();
    const hidden = this.#emit("LeakyRelu", [this.#emit("Gemm", [features.name, this.#weights([6, features.width]), this.#weights([6])], { transB: { int: 1 } })]);
    const output = this.#emit("Gemm", [hidden, this.#weights([6, 5])], {});
    const { opset, batch } = this.#net;
    return smallModel({ opset, inputs: [value("x", [batch, 3, 8, 8])], outputs: [value(output, [batch, 5])], initializers: this.#constants, nodes: this.#nodes });
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.#random() * values.length)];
    if (value === undefined) throw new RangeError("nothing to pick from");
    return value;
  }

  #fresh(): string {
    this.#count += 1;
    return `v${this.#count}`;
  }

  #weights(dims: readonly number[], base = 0): string {
    const count = dims.reduce((product, size) => product * size, 1);
    const name = this.#fresh();
    const scale = 2 / Math.sqrt(count / (dims[0] ?? 1) + 1);
    this.#constants.push(floats(name, dims, Float32Array.from({ length: count }, () => base + (this.#random() - 0.5) * scale)));
    return name;
  }

  #list(values: readonly number[]): string {
    const name = this.#fresh();
    this.#constants.push(int64s(name, [values.length], values));
    return name;
  }

  #emit(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeInput>> = {}): string {
    const output = this.#fresh();
    this.#nodes.push(makeNode(opType, inputs, [output], attributes, { name: `${opType}_${output}` }));
    return output;
  }

  #convOf(value: string, channels: number, outputs: number, kernel: 1 | 3, group = 1): string {
    const attributes = { kernel_shape: { ints: [kernel, kernel] }, pads: { ints: Array.from({ length: 4 }, () => (kernel - 1) / 2) }, group: { int: group } };
    return this.#emit("Conv", [value, this.#weights([outputs, channels / group, kernel, kernel]), ...(this.#random() < 0.7 ? [this.#weights([outputs])] : [])], attributes);
  }

  #conv(outputs = this.#pick([4, 6, 8, 12]), group = 1): void {
    this.#value = this.#convOf(this.#value, this.#channels, outputs, this.#pick([1, 3]), group);
    this.#channels = outputs;
  }

  #take(opType: string, inputs: readonly string[] = [], attributes: Readonly<Record<string, AttributeInput>> = {}): void {
    this.#value = this.#emit(opType, [this.#value, ...inputs], attributes);
  }

  #part(part: ChannelPart): void {
    const { opset } = this.#net;
    const channels = this.#channels;
    switch (part) {
      case "conv":
        return this.#conv();
      case "grouped":
        return channels % 2 === 0 ? this.#conv(this.#pick([4, 8]), 2) : undefined;
      case "depthwise": {
        const outputs = channels * this.#pick([1, 2]);
        return outputs > 48 ? undefined : this.#conv(outputs, channels);
      }
      case "transposed":
        this.#take("ConvTranspose", [this.#weights([channels, 4, 3, 3]), this.#weights([4])], { pads: { ints: [1, 1, 1, 1] } });
        this.#channels = 4;
        return;
      case "batchNorm":
        return this.#take("BatchNormalization", [this.#weights([channels], 1), this.#weights([channels]), this.#weights([channels]), this.#weights([channels], 3)]);
      case "activation":
        return this.#take(this.#pick(["Relu", "Sigmoid", "LeakyRelu", "Tanh", "Softplus", "Identity"]));
      case "prelu":
        return this.#take("PRelu", [this.#weights([channels, 1, 1])]);
      case "pad":
        return this.#pad();
      case "pool":
        return this.#take(this.#pick(["MaxPool", "AveragePool"]), [], { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } });
      case "resize":
        return this.#resize();
      case "residual":
        this.#value = this.#emit(this.#pick(["Add", "Mul", "Sub", "Max"]), [this.#value, this.#convOf(this.#value, channels, channels, 3)]);
        return;
      case "dense":
        if (channels > 24) return;
        this.#value = this.#emit("Concat", [this.#value, this.#convOf(this.#value, channels, 4, 3), this.#emit("Relu", [this.#value])], { axis: { int: 1 } });
        this.#channels = 2 * channels + 4;
        return;
      case "split":
        return this.#split();
      case "gate": {
        if (channels % 2 !== 0) return;
        const [left, right] = this.#halves(channels / 2);
        this.#value = this.#emit("Mul", [left, this.#emit("Sigmoid", [right])]);
        this.#channels = channels / 2;
        return;
      }
      case "slice":
        // One channel at least is left.
        if (channels < 3) return;
        this.#take("Slice", [this.#list([1]), this.#list([this.#pick([channels, 100, channels - 1])]), this.#list([1])]);
        this.#channels = this.#constantEnd(channels) - 1;
        return;
      case "shuffle":
        return this.#shuffle();
      case "squeeze":
        return this.#squeeze();
      case "channelsLast":
        this.#take("Transpose", [], { perm: { ints: [0, 2, 3, 1] } });
        this.#value = this.#emit("Add", [this.#emit("MatMul", [this.#value, this.#weights([channels, 6])]), this.#weights([6])]);
        this.#take("Transpose", [], { perm: { ints: [0, 3, 1, 2] } });
        this.#channels = 6;
        return;
      case "depthToSpace":
        if (channels % 4 !== 0 || this.#size > 8) return;
        this.#take("DepthToSpace", [], { blocksize: { int: 2 }, mode: { string: this.#pick(["DCR", "CRD"]) } });
        this.#channels = channels / 4;
        this.#size *= 2;
        return;
      case "spaceToDepth":
        if (this.#size % 2 !== 0 || channels > 12) return;
        this.#take("SpaceToDepth", [], { blocksize: { int: 2 } });
        this.#channels = channels * 4;
        this.#size /= 2;
        return;
      case "normalise":
        return this.#random() < 0.5 ? this.#take("InstanceNormalization", [this.#weights([channels], 1), this.#weights([channels])]) : this.#take("LRN", [], { size: { int: 3 } });
      case "flip":
        return this.#take("Add", [this.#weights([1, channels, this.#size, 1])]);
      case "shared": {
        const weights = this.#weights([channels, channels, 1, 1]);
        const first = this.#emit("Conv", [this.#value, weights]);
        this.#value = this.#emit("Conv", [this.#emit("Relu", [first]), opset === 11 ? weights : this.#emit("Identity", [weights])]);
      }
    }
  }

  #constantEnd(channels: number): number {
    const name = this.#nodes.at(-1)?.inputs[2] ?? "";
    const tensor = this.#constants.find((constant) => constant.name === name);
    const end = tensor?.data instanceof Uint8Array ? Number(new DataView(tensor.data.buffer).getBigInt64(0, true)) : channels;
    return Math.min(channels, end);
  }

  #pad(): void {
    const value = this.#fresh();
    this.#constants.push(floats(value, [], [0.5]));
    this.#take("Pad", [this.#list([0, 0, 1, 0, 0, 0, 0, 1]), value]);
    this.#value = this.#emit("AveragePool", [this.#value], { kernel_shape: { ints: [2, 2] } });
  }

  #resize(): void {
    if (this.#size > 8) return;
    const none = this.#fresh();
    this.#constants.push(floats(none, [0], []));
    if (this.#random() < 0.5 || this.#net.batch === "N") {
      const scales = this.#fresh();
      this.#constants.push(floats(scales, [4], [1, 1, 2, 2]));
      this.#take("Resize", [none, scales], { mode: { string: "nearest" } });
    } else {
      const size = this.#size * 2;
      this.#take("Resize", [none, this.#net.opset >= 13 ? "" : none, this.#list([this.#net.batch, this.#channels, size, size])], { mode: { string: "linear" } });
    }
    this.#size *= 2;
  }

  #halves(first: number): [string, string] {
    const [left, right] = [this.#fresh(), this.#fresh()];
    const sizes = [first, this.#channels - first];
    const isEqual = sizes[0] === sizes[1] && this.#random() < 0.5;
    const attributes: Record<string, AttributeInput> = { axis: { int: 1 } };
    if (!isEqual && this.#net.opset < 13) attributes["split"] = { ints: sizes };
    if (isEqual && this.#net.opset >= 18) attributes["num_outputs"] = { int: 2 };
    const inputs = [this.#value, ...(isEqual || this.#net.opset < 13 ? [] : [this.#list(sizes)])];
    this.#nodes.push(makeNode("Split", inputs, [left, right], attributes, { name: `Split_${left}` }));
    return [left, right];
  }

  #split(): void {
    if (this.#channels < 3) return;
    const [left, right] = this.#halves(Math.floor(this.#channels / 2) - (this.#channels > 4 ? 1 : 0));
    this.#value = this.#emit("Concat", [right, this.#emit("Tanh", [left])], { axis: { int: 1 } });
  }

  #shuffle(): void {
    if (this.#channels % 2 !== 0) return;
    const size = this.#size;
    this.#take("Reshape", [this.#list([0, 2, this.#channels / 2, size, size])]);
    this.#take("Transpose", [], { perm: { ints: [0, 2, 1, 3, 4] } });
    this.#take("Reshape", [this.#list(this.#random() < 0.5 ? [0, -1, size, size] : [0, this.#channels, size, size])]);
  }

  #squeeze(): void {
    const channels = this.#channels;
    const flat = this.#emit("Flatten", [this.#emit("GlobalAveragePool", [this.#value])], { axis: { int: 1 } });
    const hidden = this.#emit("Relu", [this.#emit("Gemm", [flat, this.#weights([channels, 4]), this.#weights([1, 4])])]);
    const gate = this.#emit("Sigmoid", [this.#emit("Gemm", [hidden, this.#weights([4, channels])])]);
    this.#value = this.#emit("Mul", [this.#value, this.#emit("Reshape", [gate, this.#list([0, channels, 1, 1])])]);
  }

  #head(): { readonly name: string; readonly width: number } {
    const { head } = this.#net;
    if (head === "pooled") return { name: this.#emit("Flatten", [this.#emit("GlobalAveragePool", [this.#value])]), width: this.#channels };
    const width = this.#channels * this.#size * this.#size;
    const name = head === "flatten" ? this.#emit("Flatten", [this.#value], { axis: { int: 1 } }) : this.#emit("Reshape", [this.#value, this.#list([0, width])]);
    return { name, width };
  }
}
