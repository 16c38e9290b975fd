import { seededRandom } from "@flotilla/runtime";
import { floats, type OnnxModel } from "@flotilla/runtime/ir";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { TemplateRefusal } from "./template-refusal.ts";

type Activation = "Relu" | "Tanh" | null;
type ConvOptions = { readonly strides?: readonly number[]; readonly isDepthwise?: boolean; readonly isSame?: boolean; readonly hasBias?: boolean };

/** Multiply-accumulates and weights of a network, for one example. */
export type NetworkCost = { readonly parameters: number; readonly macs: number };

/**
 * Writes a feed-forward network layer by layer, one example at a time in its shapes; the finished model takes any batch. Weights are drawn from the seed: He's normal
 * distribution before a ReLU (He et al. 2015), Glorot's uniform one elsewhere (Glorot and Bengio 2010); biases begin at zero.
 */
export class Network {
  readonly builder: GraphBuilder;
  readonly #next: () => number;
  readonly #name: string;
  #macs = 0;
  #parameters = 0;
  #layer = 0;
  value: string;

  constructor(name: string, input: readonly number[], seed: number) {
    if (input.some((dim) => !Number.isInteger(dim) || dim < 1)) throw new TemplateRefusal(`an input of ${input.join(" × ")} is none`);
    this.#name = name;
    this.builder = new GraphBuilder(name);
    this.#next = seededRandom(seed);
    this.value = this.builder.input("input", float32([1, ...input]));
  }

  get dims(): readonly number[] {
    return this.builder.dimsOf(this.value);
  }

  get cost(): NetworkCost {
    return { parameters: this.#parameters, macs: this.#macs };
  }

  /** A convolution over as many axes as the kernel has. */
  conv(filters: number, kernel: readonly number[], activation: Activation, { strides = kernel.map(() => 1), isDepthwise = false, isSame = false, hasBias = true }: ConvOptions = {}): this {
    const [, channels = 1, ...spatial] = this.dims;
    const perGroup = isDepthwise ? 1 : channels;
    const total = kernel.map((size, i) => (isSame ? Math.max(0, (Math.ceil((spatial[i] ?? 1) / (strides[i] ?? 1)) - 1) * (strides[i] ?? 1) + size - (spatial[i] ?? 1)) : 0));
    const before = total.map((pad) => Math.floor(pad / 2));
    const out = kernel.map((size, i) => Math.floor(((spatial[i] ?? 1) + (total[i] ?? 0) - size) / (strides[i] ?? 1)) + 1);
    this.#refuseEmpty(out, "convolution");
    const dims = [filters, perGroup, ...kernel];
    const name = this.#layerName(isDepthwise ? "depthwise" : "conv");
    const fanIn = perGroup * product(kernel);
    const weight = this.#weight(`${name}/kernel`, dims, fanIn, filters * product(kernel), activation);
    const inputs = hasBias ? [this.value, weight, this.#zeros(`${name}/bias`, filters)] : [this.value, weight];
    this.#macs += product(dims) * product(out);
    this.value = this.builder.emit("Conv", inputs, float32([1, filters, ...out]), {
      kernel_shape: { ints: kernel }, strides: { ints: strides }, pads: { ints: [...before, ...total.map((pad, i) => pad - (before[i] ?? 0))] }, group: { int: isDepthwise ? channels : 1 },
    });
    return this.activate(activation);
  }

  /** A transposed convolution to twice the sides, or one pixel less where `sides` are odd. Its kernel is as wide as its stride: no place gets more of it than another (Odena et al. 2016). */
  doubled(filters: number, sides: readonly number[], activation: Activation): this {
    const [, channels = 1, ...spatial] = this.dims;
    const kernel = spatial.map(() => 2);
    const dims = [channels, filters, ...kernel];
    const name = this.#layerName("doubled");
    const weight = this.#weight(`${name}/kernel`, dims, channels, filters, activation);
    this.#macs += product(dims) * product(spatial);
    this.value = this.builder.emit("ConvTranspose", [this.value, weight, this.#zeros(`${name}/bias`, filters)], float32([1, filters, ...sides]), {
      kernel_shape: { ints: kernel }, strides: { ints: kernel }, pads: { ints: [...spatial.map(() => 0), ...spatial.map((side, i) => 2 * side - (sides[i] ?? 0))] },
    });
    return this.activate(activation);
  }

  /** Normalised by the batch while it is trained, by running statistics afterwards. */
  batchNorm(activation: Activation): this {
    const [, channels = 1] = this.dims;
    const name = this.#layerName("norm");
    const inputs = [this.#constant(`${name}/gamma`, [channels], 1), this.#zeros(`${name}/beta`, channels), this.#statistic(`${name}/moving_mean`, channels, 0), this.#statistic(`${name}/moving_variance`, channels, 1)];
    this.value = this.builder.emit("BatchNormalization", [this.value, ...inputs], float32(this.dims), { epsilon: { float: 1e-3 }, momentum: { float: 0.9 } });
    return this.activate(activation);
  }

  maxPool(size: readonly number[], strides: readonly number[] = size): this {
    const [, channels = 1, ...spatial] = this.dims;
    const out = size.map((width, i) => Math.floor(((spatial[i] ?? 1) - width) / (strides[i] ?? 1)) + 1);
    this.#refuseEmpty(out, "pooling");
    this.value = this.builder.emit("MaxPool", [this.value], float32([1, channels, ...out]), { kernel_shape: { ints: size }, strides: { ints: strides } });
    return this;
  }

  globalAverage(): this {
    const [, channels = 1, ...spatial] = this.dims;
    this.value = this.builder.emit("GlobalAveragePool", [this.value], float32([1, channels, ...spatial.map(() => 1)]));
    return this.flatten();
  }

  flatten(): this {
    this.value = this.builder.emit("Flatten", [this.value], float32([1, product(this.dims)]));
    return this;
  }

  dense(units: number, activation: Activation): this {
    const [, inputs = 1] = this.dims;
    const name = this.#layerName("dense");
    const weight = this.#weight(`${name}/kernel`, [inputs, units], inputs, units, activation);
    this.#macs += inputs * units;
    this.value = this.builder.emit("Gemm", [this.value, weight, this.#zeros(`${name}/bias`, units)], float32([1, units]));
    return this.activate(activation);
  }

  activate(activation: Activation): this {
    if (activation !== null) this.value = this.builder.emit(activation, [this.value], float32(this.dims));
    return this;
  }

  /** Adds an earlier value, as residual networks do (He et al. 2016). */
  add(other: string, activation: Activation): this {
    this.value = this.builder.emit("Add", [this.value, other], float32(this.dims));
    return this.activate(activation);
  }

  /** One operator without weights. */
  apply(opType: string, more: readonly string[], dims: readonly number[], attributes: Parameters<GraphBuilder["emit"]>[3] = {}): this {
    this.value = this.builder.emit(opType, [this.value, ...more], float32(dims), attributes);
    return this;
  }

  /** The finished model, for any batch; a classifier ends in shares of its classes. */
  finish({ isClassifier }: { isClassifier: boolean }): OnnxModel {
    if (isClassifier) this.value = this.builder.emit("Softmax", [this.value], float32(this.dims), { axis: { int: 1 } });
    this.builder.output(this.value, "output");
    const model = this.builder.toModel();
    model.graph.name = this.#name;
    for (const { type } of [...model.graph.inputs, ...model.graph.outputs]) if (type?.kind === "tensor" && type.shape !== null) type.shape[0] = { kind: "param", param: "batch", denotation: "" };
    return model;
  }

  #layerName(kind: string): string {
    this.#layer += 1;
    return `${kind}_${this.#layer}`;
  }

  #refuseEmpty(out: readonly number[], what: string): void {
    if (out.some((length) => length < 1)) throw new TemplateRefusal(`the input is too small for this network: nothing is left of it after a ${what}`);
  }

  #weight(name: string, dims: readonly number[], fanIn: number, fanOut: number, activation: Activation): string {
    const count = product(dims);
    const draw = activation === "Relu" ? () => Math.sqrt(2 / fanIn) * this.#normal() : () => Math.sqrt(6 / (fanIn + fanOut)) * (2 * this.#next() - 1);
    this.#parameters += count;
    return this.builder.initializer(floats(name, dims, Float32Array.from({ length: count }, draw)));
  }

  #zeros(name: string, length: number): string {
    return this.#constant(name, [length], 0);
  }

  #constant(name: string, dims: readonly number[], value: number): string {
    this.#parameters += product(dims);
    return this.builder.initializer(floats(name, dims, new Float32Array(product(dims)).fill(value)));
  }

  #statistic(name: string, length: number, value: number): string {
    return this.builder.initializer(floats(name, [length], new Float32Array(length).fill(value)));
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#next())) * Math.cos(2 * Math.PI * this.#next());
  }
}

const product = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);
