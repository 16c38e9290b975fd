import { rawTensor, type AttributeInput, type OnnxElementType } from "@flotilla/runtime/ir";
import type { GraphBuilder } from "../graph/graph-builder.ts";
import type { StaticType } from "../graph/static-type.ts";

/** Column sums by a product with a row of ones: ReduceSum over leading axes is several times slower, and slower still with a second thread. */
const ONES_ROWS = { least: 64, mostColumns: 8_192 } as const;

/** How many elements a value of that shape has. */
export const elementsIn = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
const isSame = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((dim, i) => dim === b[i]);

/** `TensorProto.DataType`. */
const DATA_TYPES: Readonly<Record<string, number>> = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 };

/** Arithmetic on values of a graph, written as ONNX operators; shapes are worked out. Constants take the element type of what they meet. */
export class GraphMath {
  readonly builder: GraphBuilder;
  readonly #transposes = new Map<string, { of: string; permutation: readonly number[] }>();
  readonly #memo = new Map<string, string>();

  constructor(builder: GraphBuilder) {
    this.builder = builder;
  }

  dims(value: string): readonly number[] {
    return this.builder.dimsOf(value);
  }

  /** A value of the same element type as `like`. */
  emit(opType: string, inputs: readonly string[], dims: readonly number[], attributes: Readonly<Record<string, AttributeInput>> = {}, options: { elementType?: OnnxElementType; domain?: string } = {}): string {
    const elementType = options.elementType ?? this.builder.typeOf(inputs.find((name) => name !== "") ?? "").elementType;
    return this.builder.emit(opType, inputs, { elementType, dims }, attributes, options.domain === undefined ? {} : { domain: options.domain });
  }

  /** Several values of the first input's element type. */
  emitAll(opType: string, inputs: readonly string[], shapes: readonly (readonly number[])[], attributes: Readonly<Record<string, AttributeInput>> = {}): string[] {
    const { elementType } = this.builder.typeOf(inputs[0] ?? "");
    return this.builder.emitAll(opType, inputs, shapes.map((dims): StaticType => ({ elementType, dims })), attributes);
  }

  /** A number as the element type of `like` has it. */
  constant(value: number, like: string): string {
    return this.filled(value, [], like);
  }

  filled(value: number, dims: readonly number[], like: string): string {
    const { elementType } = this.builder.typeOf(like);
    return this.once(`filled ${elementType} ${value} [${dims.join()}]`, () => {
      if (elementType === "float64") {
        const data = new Float64Array(elementsIn(dims)).fill(value);
        return this.builder.initializer(rawTensor(this.builder.freshName("const"), elementType, dims, new Uint8Array(data.buffer)));
      }
      const data = new Float32Array(elementsIn(dims)).fill(value);
      return this.builder.initializer(rawTensor(this.builder.freshName("const"), "float32", dims, new Uint8Array(data.buffer)));
    });
  }

  zeros(dims: readonly number[], like: string): string {
    return this.filled(0, dims, like);
  }

  unary(opType: string, x: string): string {
    return this.emit(opType, [x], this.dims(x));
  }

  add = (a: string, b: string): string => this.#binary("Add", a, b);
  subtract = (a: string, b: string): string => this.#binary("Sub", a, b);
  multiply = (a: string, b: string): string => this.#binary("Mul", a, b);
  divide = (a: string, b: string): string => this.#binary("Div", a, b);
  maximum = (a: string, b: string): string => this.#binary("Max", a, b);
  power = (a: string, b: string): string => this.#binary("Pow", a, b);

  scale(x: string, factor: number): string {
    return factor === 1 ? x : this.multiply(x, this.constant(factor, x));
  }

  plus(x: string, term: number): string {
    return this.add(x, this.constant(term, x));
  }

  negate(x: string): string {
    return this.unary("Neg", x);
  }

  /** One over the root of x + epsilon. */
  inverseRoot(x: string, epsilon: number): string {
    return this.unary("Reciprocal", this.unary("Sqrt", this.plus(x, epsilon)));
  }

  compare(opType: "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Equal", a: string, b: string): string {
    return this.emit(opType, [a, b], this.#broadcast(a, b), {}, { elementType: "bool" });
  }

  both(a: string, b: string): string {
    return this.emit("And", [a, b], this.#broadcast(a, b), {}, { elementType: "bool" });
  }

  where(condition: string, yes: string, no: string): string {
    const { elementType } = this.builder.typeOf(yes);
    return this.emit("Where", [condition, yes, no], [condition, yes, no].map((name) => this.dims(name)).reduce(broadcast), {}, { elementType });
  }

  /** x where the condition holds, 0 elsewhere. */
  masked(x: string, condition: string): string {
    return this.where(condition, x, this.constant(0, x));
  }

  cast(x: string, elementType: OnnxElementType): string {
    if (this.builder.typeOf(x).elementType === elementType) return x;
    const to = DATA_TYPES[elementType];
    if (to === undefined) throw new RangeError(`no cast to ${elementType}`);
    return this.emit("Cast", [x], this.dims(x), { to: { int: to } }, { elementType });
  }

  reshape(x: string, dims: readonly number[]): string {
    return isSame(this.dims(x), dims) ? x : this.emit("Reshape", [x, this.builder.int64s(dims)], dims);
  }

  /** Undoes itself: the transpose of a transpose is what was there before. */
  transpose(x: string, permutation: readonly number[]): string {
    if (permutation.every((axis, i) => axis === i)) return x;
    const before = this.#transposes.get(x);
    if (before !== undefined && permutation.every((axis, i) => before.permutation[axis] === i)) return before.of;
    return this.once(`transpose ${x} ${permutation.join()}`, () => {
      const dims = this.dims(x);
      const result = this.emit("Transpose", [x], permutation.map((axis) => dims[axis] ?? 1), { perm: { ints: permutation } });
      this.isTransposeOf(result, x, permutation);
      return result;
    });
  }

  /** Notes that `value` holds `of`, transposed: undoing it then costs nothing. */
  isTransposeOf(value: string, of: string, permutation: readonly number[]): void {
    this.#transposes.set(value, { of, permutation });
  }

  sum(x: string, axes: readonly number[], keepsDims = false): string {
    if (axes.length === 0) return x;
    const dims = this.dims(x);
    const kept = dims.flatMap((dim, axis) => (axes.includes(axis) ? (keepsDims ? [1] : []) : [dim]));
    const rows = elementsIn(dims.slice(0, axes.length));
    const columns = elementsIn(dims.slice(axes.length));
    const areLeading = axes.length < dims.length && axes.every((axis, i) => axis === i);
    if (areLeading && rows >= ONES_ROWS.least && columns <= ONES_ROWS.mostColumns) {
      return this.reshape(this.matrixProduct(this.filled(1, [1, rows], x), this.reshape(x, [rows, columns])), kept);
    }
    return this.emit("ReduceSum", [x, this.builder.int64s(axes)], kept, { keepdims: { int: keepsDims ? 1 : 0 } });
  }

  mean(x: string, axes: readonly number[], keepsDims = false): string {
    return this.scale(this.sum(x, axes, keepsDims), 1 / elementsIn(axes.map((axis) => this.dims(x)[axis] ?? 1)));
  }

  /** Sums a gradient over what its value was repeated for, back to the shape of `like`. */
  unbroadcast(gradient: string, like: string): string {
    const [dims, wanted] = [this.dims(gradient), this.dims(like)];
    if (isSame(dims, wanted)) return gradient;
    const lead = dims.length - wanted.length;
    const axes = dims.map((_, axis) => axis).filter((axis) => axis < lead || (wanted[axis - lead] === 1 && dims[axis] !== 1));
    return this.reshape(this.sum(gradient, axes), wanted);
  }

  expand(x: string, dims: readonly number[]): string {
    return isSame(this.dims(x), dims) ? x : this.emit("Expand", [x, this.builder.int64s(dims)], dims);
  }

  /** From `starts` up to `ends` (not included), every `steps`-th. */
  slice(x: string, axes: readonly number[], starts: readonly number[], ends: readonly number[], steps: readonly number[] = axes.map(() => 1)): string {
    const dims = this.dims(x).map((dim, axis) => {
      const at = axes.indexOf(axis);
      return at < 0 ? dim : Math.ceil(((ends[at] ?? 0) - (starts[at] ?? 0)) / (steps[at] ?? 1));
    });
    const { builder } = this;
    return this.emit("Slice", [x, builder.int64s(starts), builder.int64s(ends), builder.int64s(axes), builder.int64s(steps)], dims);
  }

  /** Zeros around: `before` and `after` for each axis. */
  pad(x: string, before: readonly number[], after: readonly number[]): string {
    if ([...before, ...after].every((n) => n === 0)) return x;
    return this.emit("Pad", [x, this.builder.int64s([...before, ...after])], this.dims(x).map((dim, axis) => dim + (before[axis] ?? 0) + (after[axis] ?? 0)));
  }

  concat(values: readonly string[], axis: number): string {
    const [first = ""] = values;
    if (values.length === 1) return first;
    const length = values.reduce((all, value) => all + (this.dims(value)[axis] ?? 0), 0);
    return this.emit("Concat", values, this.dims(first).map((dim, at) => (at === axis ? length : dim)), { axis: { int: axis } });
  }

  split(x: string, axis: number, sizes: readonly number[]): string[] {
    if (sizes.length === 1) return [x];
    return this.emitAll("Split", [x, this.builder.int64s(sizes)], sizes.map((size) => this.dims(x).map((dim, at) => (at === axis ? size : dim))), { axis: { int: axis } });
  }

  /** Product of matrices, or of stacks of them, each first transposed where said. */
  matrixProduct(a: string, b: string, { transposesA = false, transposesB = false, bias = "" } = {}): string {
    const [left, right] = [this.dims(a), this.dims(b)];
    const rows = left.at(transposesA ? -1 : -2) ?? 1;
    const columns = right.at(transposesB ? -2 : -1) ?? 1;
    const attributes = { transA: { int: transposesA ? 1 : 0 }, transB: { int: transposesB ? 1 : 0 } };
    if (left.length === 2 && right.length === 2) return this.emit("Gemm", bias === "" ? [a, b] : [a, b, bias], [rows, columns], attributes);
    const stack = broadcast(left.slice(0, -2), right.slice(0, -2));
    if (!transposesA && !transposesB) return this.emit("MatMul", [a, b], [...stack, rows, columns]);
    // Microsoft's operator has no double-precision kernel.
    if (this.builder.typeOf(a).elementType === "float32") return this.emit("FusedMatMul", [a, b], [...stack, rows, columns], attributes, { domain: "com.microsoft" });
    return this.emit("MatMul", [transposesA ? this.#flipped(a) : a, transposesB ? this.#flipped(b) : b], [...stack, rows, columns]);
  }

  /** Makes a value once; the next time it is there already. */
  once(key: string, make: () => string): string {
    const known = this.#memo.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#memo.set(key, made);
    return made;
  }

  int32s(values: readonly number[]): string {
    return this.once(`int32 ${values.join()}`, () => this.builder.initializer(rawTensor(this.builder.freshName("const"), "int32", [values.length], new Uint8Array(Int32Array.from(values).buffer))));
  }

  #flipped(x: string): string {
    const rank = this.dims(x).length;
    return this.transpose(x, this.dims(x).map((_, axis) => (axis < rank - 2 ? axis : axis === rank - 1 ? rank - 2 : rank - 1)));
  }

  #binary(opType: string, a: string, b: string): string {
    return this.emit(opType, [a, b], this.#broadcast(a, b));
  }

  #broadcast(a: string, b: string): number[] {
    return broadcast(this.dims(a), this.dims(b));
  }
}

/** The shape of two values that meet element by element (ONNX, "Multidirectional Broadcasting"). */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [left, right] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    return left === 1 ? right : left;
  });
}
