import { seededRandom } from "@flotilla/runtime";
import type { AttributeInput, OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { floats, int64s, makeNode } from "@flotilla/runtime/ir";
import { smallModel, value } from "../../testing/small-graphs.ts";

type Size = number | string;

/** Operator sets in which arguments stand in different places. */
const OPSETS = [9, 11, 13, 17, 18];

/**
 * A graph of `steps` random operators over one image input, each chosen so that the model is valid. What the passes look for is
 * frequent: constants beside convolutions, runs of shape operators, shape arithmetic, values computed twice.
 */
export function randomGraph(seed: number, steps: number): OnnxModel {
  return new RandomGraph(seed).grow(steps);
}

class RandomGraph {
  readonly #random: () => number;
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxTensor[] = [];
  readonly #opset: number;
  readonly #batch: Size;
  #count = 0;
  #value = "x";
  #shape: Size[];

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#opset = this.#pick(OPSETS);
    this.#batch = this.#random() < 0.4 ? "N" : this.#pick([1, 2]);
    this.#shape = this.#random() < 0.3 ? [this.#batch, this.#pick([4, 6])] : [this.#batch, this.#pick([2, 4]), 6, 6];
  }

  grow(steps: number): OnnxModel {
    const input = value("x", this.#shape);
    const outputs = new Set<string>();
    for (let step = 0; step < steps; step += 1) {
      this.#step();
      if (this.#value !== "x" && this.#random() < 0.05) outputs.add(this.#value);
      if (this.#random() < 0.05) this.#emit("Neg", [this.#value]);
    }
    if (this.#value === "x") this.#unary("Identity");
    outputs.add(this.#value);
    return smallModel({ inputs: [input], outputs: [...outputs].map((name) => value(name)), nodes: this.#nodes, initializers: this.#constants, opset: this.#opset });
  }

  #step(): void {
    const image = [
      () => this.#conv(),
      () => this.#conv(),
      () => this.#convTranspose(),
      () => this.#batchNorm(),
      () => this.#batchNorm(),
      () => this.#pad(),
      () => this.#pool(),
      () => this.#reduceMean(),
      () => this.#prelu(),
      () => this.#spaceToDepth(),
    ];
    const matrix = [() => this.#gemm(), () => this.#gemm(), () => this.#matMul(), () => this.#matMul(), () => this.#batchNorm()];
    const any = [
      () => this.#channelConstant(),
      () => this.#channelConstant(),
      () => this.#scalarConstant(),
      () => this.#unary(this.#pick(["Relu", "Relu", "Sigmoid", "Identity", "LeakyRelu", "Dropout"])),
      () => this.#clip(),
      () => this.#bounds(),
      () => this.#transposes(),
      () => this.#squeezes(),
      () => this.#slice(),
      () => this.#concatWithItself(),
      () => this.#computedReshape(),
      () => this.#twice(),
      () => this.#foldable(),
    ];
    const rank = this.#shape.length;
    this.#pick([...any, ...(rank === 4 ? image : []), ...(rank === 4 ? [() => this.#flatten()] : []), ...(rank === 2 ? [...matrix, ...matrix] : [])])();
  }

  #pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.#random() * choices.length)];
    if (choice === undefined) throw new Error("nothing to choose from");
    return choice;
  }

  #name(prefix: string): string {
    this.#count += 1;
    return `${prefix}${this.#count}`;
  }

  #floats(dims: readonly number[], low = -1, high = 1): string {
    const name = this.#name("c");
    const count = dims.reduce((product, dim) => product * dim, 1);
    this.#constants.push(floats(name, dims, Array.from({ length: count }, () => low + this.#random() * (high - low))));
    return name;
  }

  #ints(values: readonly (number | bigint)[]): string {
    const name = this.#name("i");
    this.#constants.push(int64s(name, [values.length], [...values]));
    return name;
  }

  #emit(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeInput>> = {}): string {
    const output = this.#name("v");
    this.#nodes.push(makeNode(opType, inputs, [output], attributes));
    return output;
  }

  /** Emits a node on the current value, which its output then is. */
  #apply(opType: string, more: readonly string[] = [], attributes: Readonly<Record<string, AttributeInput>> = {}, shape: readonly Size[] = this.#shape): void {
    this.#value = this.#emit(opType, [this.#value, ...more], attributes);
    this.#shape = [...shape];
  }

  #number(axis: number): number {
    const size = this.#shape[axis];
    if (typeof size !== "number") throw new Error(`dimension ${axis} is symbolic`);
    return size;
  }

  #unary(opType: string): void {
    this.#apply(opType);
  }

  #conv(): void {
    const channels = this.#number(1);
    const [isDepthwise, kernel, padded] = [this.#random() < 0.3, this.#pick([1, 3]), this.#pick([0, 1])];
    if (this.#number(2) + 2 * padded < kernel || this.#number(3) + 2 * padded < kernel) return;
    const outputs = isDepthwise ? channels : this.#pick([2, 4]);
    const weights = this.#floats([outputs, isDepthwise ? 1 : channels, kernel, kernel]);
    const bias = this.#random() < 0.5 ? [this.#floats([outputs])] : [];
    const grow = 2 * padded - kernel + 1;
    this.#apply("Conv", [weights, ...bias], { pads: { ints: [padded, padded, padded, padded] }, group: { int: isDepthwise ? channels : 1 } }, [this.#shape[0] ?? 1, outputs, this.#number(2) + grow, this.#number(3) + grow]);
  }

  #convTranspose(): void {
    const channels = this.#number(1);
    if (this.#number(2) > 8 || this.#number(3) > 8) return;
    const group = this.#random() < 0.3 && channels % 2 === 0 ? 2 : 1;
    this.#apply("ConvTranspose", [this.#floats([channels, 2, 2, 2])], { group: { int: group } }, [this.#shape[0] ?? 1, 2 * group, this.#number(2) + 1, this.#number(3) + 1]);
  }

  #batchNorm(): void {
    const dims = [this.#number(1)];
    this.#apply("BatchNormalization", [this.#floats(dims, 0.5, 2), this.#floats(dims), this.#floats(dims), this.#floats(dims, 0.2, 2)]);
  }

  #pad(): void {
    if (this.#number(2) > 10 || this.#number(3) > 10) return;
    const pads = [0, 0, this.#pick([0, 1]), 1, 0, 0, this.#pick([0, 1]), this.#pick([0, 1])];
    const shape = this.#shape.map((size, axis) => (typeof size === "number" ? size + (pads[axis] ?? 0) + (pads[axis + 4] ?? 0) : size));
    const mode = { mode: { string: this.#random() < 0.85 ? "constant" : "edge" } };
    if (this.#opset < 11) this.#apply("Pad", [], { ...mode, pads: { ints: pads } }, shape);
    else this.#apply("Pad", [this.#ints(pads)], mode, shape);
    if (this.#random() < 0.6) this.#pick([() => this.#conv(), () => this.#pool()])();
  }

  #pool(): void {
    if (this.#number(2) < 3 || this.#number(3) < 3) return;
    const kernel = this.#pick([1, 2, 3]);
    const shape = [this.#shape[0] ?? 1, this.#number(1), this.#number(2) - kernel + 1, this.#number(3) - kernel + 1];
    this.#apply(this.#pick(["MaxPool", "AveragePool"]), [], { kernel_shape: { ints: [kernel, kernel] } }, shape);
    if (this.#random() < 0.4) this.#unary("Relu");
  }

  #reduceMean(): void {
    const isKept = this.#random() < 0.5;
    const shape = isKept ? [this.#shape[0] ?? 1, this.#number(1), 1, 1] : [this.#shape[0] ?? 1, this.#number(1)];
    const axes = this.#opset < 11 ? [2, 3] : this.#pick([[2, 3], [-1, -2]]);
    if (this.#opset < 18) this.#apply("ReduceMean", [], { axes: { ints: axes }, keepdims: { int: isKept ? 1 : 0 } }, shape);
    else this.#apply("ReduceMean", [this.#ints(axes)], { keepdims: { int: isKept ? 1 : 0 } }, shape);
  }

  #prelu(): void {
    const slope = this.#random() < 0.6 ? this.#floats([1]) : this.#floats([this.#number(1), 1, 1]);
    this.#apply("PRelu", [slope]);
  }

  #spaceToDepth(): void {
    const [height, width] = [this.#number(2), this.#number(3)];
    if (height % 2 !== 0 || width % 2 !== 0 || height === 0) return;
    this.#apply("SpaceToDepth", [], { blocksize: { int: 2 } }, [this.#shape[0] ?? 1, this.#number(1) * 4, height / 2, width / 2]);
  }

  #gemm(): void {
    const [rows, columns] = [this.#number(1), this.#pick([3, 4])];
    const isTransposed = this.#random() < 0.5;
    const weights = this.#floats(isTransposed ? [columns, rows] : [rows, columns]);
    const bias = this.#floats(this.#pick([[columns], [1, columns], [1]]));
    const factors = this.#random() < 0.4 ? { alpha: { float: 0.5 }, beta: { float: 2 } } : {};
    this.#apply("Gemm", [weights, bias], { ...factors, transB: { int: isTransposed ? 1 : 0 } }, [this.#shape[0] ?? 1, columns]);
  }

  #matMul(): void {
    const columns = this.#pick([3, 4]);
    this.#apply("MatMul", [this.#floats([this.#number(1), columns])], {}, [this.#shape[0] ?? 1, columns]);
  }

  /** A constant of the size of the channels: axis 1 of an image, the last of others. */
  #channelConstant(): void {
    const rank = this.#shape.length;
    const channels = this.#shape[rank === 4 ? 1 : rank - 1];
    if (typeof channels !== "number") return;
    this.#binary(this.#floats(rank === 4 ? [channels, 1, 1] : [channels], 0.5, 2));
  }

  #scalarConstant(): void {
    const neutral = this.#random() < 0.3 ? 1 : 0;
    const name = this.#random() < 0.5 ? this.#floats([], 0.5, 2) : this.#floats([1], neutral, neutral);
    const operators = neutral === 0 ? ["Add", "Sub"] : ["Mul", "Div"];
    this.#binary(name, operators);
    if (this.#random() < 0.3) this.#binary(this.#floats([], 0.5, 2), operators.slice(0, 1));
  }

  #binary(constant: string, operators: readonly string[] = ["Mul", "Add", "Sub", "Div"]): void {
    const opType = this.#pick(operators);
    const isFirst = opType !== "Div" && this.#random() < 0.3;
    this.#value = this.#emit(opType, isFirst ? [constant, this.#value] : [this.#value, constant]);
  }

  #bounds(): void {
    if (this.#random() < 0.5) this.#unary("Relu");
    this.#clip();
    if (this.#random() < 0.5) this.#unary("Relu");
  }

  #clip(): void {
    const [low, high] = this.#pick([[0, 6], [-1, 1], [-0.5, 0.7]]);
    if (this.#opset < 11) return this.#apply("Clip", [], { min: { float: low ?? 0 }, max: { float: high ?? 0 } });
    const bound = (number: number) => this.#floats([], number, number);
    this.#apply("Clip", [bound(low ?? 0), bound(high ?? 0)]);
  }

  #transposes(): void {
    const last = this.#shape.length - 1;
    if (last < 1) return;
    const perm = this.#shape.map((_, axis) => axis);
    perm.splice(last - 1, 2, last, last - 1);
    const isBack = this.#random() < 0.7 || typeof this.#shape[last] === "string" || typeof this.#shape[last - 1] === "string";
    this.#apply("Transpose", [], { perm: { ints: perm } }, perm.map((axis) => this.#shape[axis] ?? 1));
    if (isBack) this.#apply("Transpose", [], { perm: { ints: perm } }, perm.map((axis) => this.#shape[axis] ?? 1));
  }

  #squeezes(): void {
    const rank = this.#shape.length;
    const shape = this.#shape;
    this.#axes("Unsqueeze", [rank], [...shape, 1]);
    if (this.#random() < 0.5) this.#axes("Unsqueeze", [0], [1, ...shape, 1]);
    const wide = this.#shape.length;
    if (wide === rank + 2) this.#axes("Squeeze", [0], [...shape, 1]);
    this.#axes("Squeeze", [this.#opset < 11 || this.#random() < 0.5 ? rank : -1], shape);
  }

  #axes(opType: string, axes: readonly number[], shape: readonly Size[]): void {
    if (this.#opset < 13) this.#apply(opType, [], { axes: { ints: axes } }, shape);
    else this.#apply(opType, [this.#ints(axes)], {}, shape);
  }

  #slice(): void {
    const axis = this.#shape.length - 1;
    const size = this.#shape[axis];
    if (typeof size !== "number" || size < 3) return;
    for (const [start, end] of this.#pick([[[0, size]], [[1, 9_223_372_036_854_775_807n]], [[0, size - 1], [1, size - 1]], [[-2, size]]])) {
      const from = Number(start) < 0 ? size + Number(start) : Number(start);
      const length = Math.min(Number(this.#shape[axis]), Number(end)) - from;
      if (length < 1) return;
      const shape = [...this.#shape.slice(0, axis), length];
      if (this.#opset < 10) this.#apply("Slice", [], { starts: { ints: [start ?? 0] }, ends: { ints: [end ?? 0] }, axes: { ints: [axis] } }, shape);
      else this.#apply("Slice", [this.#ints([start ?? 0]), this.#ints([end ?? 0]), this.#ints([axis])], {}, shape);
    }
  }

  #concatWithItself(): void {
    const axis = this.#shape.length - 1;
    const size = this.#shape[axis];
    if (typeof size !== "number" || size > 6) return;
    const other = this.#emit(this.#pick(["Relu", "Neg"]), [this.#value]);
    this.#apply("Concat", [other], { axis: { int: axis } }, [...this.#shape.slice(0, axis), size * 2]);
    if (this.#random() < 0.5) this.#slicePart(axis, size);
  }

  #slicePart(axis: number, size: number): void {
    const shape = [...this.#shape.slice(0, axis), size];
    if (this.#opset < 10) this.#apply("Slice", [], { starts: { ints: [size] }, ends: { ints: [2 * size] }, axes: { ints: [axis] } }, shape);
    else this.#apply("Slice", [this.#ints([size]), this.#ints([2 * size]), this.#ints([axis])], {}, shape);
  }

  #flatten(): void {
    const [channels, height, width] = [this.#number(1), this.#number(2), this.#number(3)];
    if (channels * height * width > 64) return;
    this.#apply("Flatten", [], { axis: { int: 1 } }, [this.#shape[0] ?? 1, channels * height * width]);
  }

  /** Reshape to [batch, -1] or to the shape it has, with the sizes computed from Shape as exporters do. */
  #computedReshape(): void {
    if (this.#shape[0] !== this.#batch || this.#shape.slice(1).some((size) => typeof size !== "number")) return;
    const shape = this.#emit("Shape", [this.#value]);
    const zero = this.#name("i");
    this.#constants.push(int64s(zero, [], [0]));
    const first = this.#emit("Gather", [shape, zero], { axis: { int: 0 } });
    const batch = this.#opset < 13 ? this.#emit("Unsqueeze", [first], { axes: { ints: [0] } }) : this.#emit("Unsqueeze", [first, this.#ints([0])]);
    const rest = this.#shape.slice(1).map(Number);
    const count = rest.reduce((product, size) => product * size, 1);
    const isFlat = count <= 64 && this.#random() < 0.5;
    const target = this.#emit("Concat", [batch, this.#ints(isFlat ? [-1] : rest)], { axis: { int: 0 } });
    this.#apply("Reshape", [target], {}, isFlat ? [this.#shape[0] ?? 1, count] : [...this.#shape]);
  }

  /** The same operator on the same value twice, added up. */
  #twice(): void {
    const constant = this.#floats([], 0.5, 2);
    const [first, second] = [this.#emit("Mul", [this.#value, constant]), this.#emit("Mul", [this.#value, constant])];
    this.#value = this.#emit("Add", [first, second]);
  }

  /** A constant that takes a few nodes to compute. */
  #foldable(): void {
    const sum = this.#emit("Add", [this.#floats([1]), this.#floats([1])]);
    this.#value = this.#emit("Mul", [this.#value, this.#emit("Exp", [sum])]);
  }
}
