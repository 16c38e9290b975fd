import { makeNode, rawTensor, type AttributeInput, type OnnxElementType } from "@flotilla/runtime/ir";
import type { GraphBuilder } from "../graph/graph-builder.ts";
import type { StaticType } from "../graph/static-type.ts";

/** Column sums by a product with a row of ones: ReduceSum over leading axes is several times slower, and slower still with a second thread. */
const ONES_ROWS = { least: 64, mostColumns: 8_192 } as const;

type Attributes = Readonly<Record<string, AttributeInput>>;
/** Values before they were transposed by `permutation`, and the shape that they have together there. */
export type Layout = { readonly permutation: readonly number[]; readonly operands: readonly string[]; readonly dims: readonly number[] };

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
  emit(opType: string, inputs: readonly string[], dims: readonly number[], attributes: Attributes = {}, options: { elementType?: OnnxElementType; domain?: string } = {}): string {
    const elementType = options.elementType ?? this.builder.typeOf(inputs.find((name) => name !== "") ?? "").elementType;
    return this.builder.emit(opType, inputs, { elementType, dims }, attributes, options.domain === undefined ? {} : { domain: options.domain });
  }

  /** Several values of the first input's element type. */
  emitAll(opType: string, inputs: readonly string[], shapes: readonly (readonly number[])[], attributes: Attributes = {}): string[] {
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

  unary(opType: string, x: string, attributes: Attributes = {}): string {
    return this.elementwise(opType, [x], { attributes });
  }

  /**
   * An operator that works element by element. Where what it works on is transposed, all of it in one way, it works on what that is a transpose of, and its result is such a transpose: values keep their
   * layout until somebody asks for another one, and what nobody reads is not written.
   */
  elementwise(opType: string, operands: readonly string[], { attributes = {}, elementType }: { attributes?: Attributes; elementType?: OnnxElementType } = {}): string {
    const dims = operands.map((name) => this.dims(name)).reduce(broadcast);
    const layout = this.layoutOf(operands);
    const options = elementType === undefined ? {} : { elementType };
    if (layout === null) return this.emit(opType, operands, dims, attributes, options);
    return this.transpose(this.emit(opType, layout.operands, layout.dims, attributes, options), layout.permutation);
  }

  /** What operands that meet element by element are transposes of; null unless they are, all in one way. */
  layoutOf(operands: readonly string[]): Layout | null {
    const dims = operands.map((name) => this.dims(name)).reduce(broadcast);
    const permutation = operands.flatMap((name) => (isSame(this.dims(name), dims) ? (this.#transposes.get(name)?.permutation ?? []) : []));
    const order = permutation.slice(0, dims.length);
    if (order.length === 0) return null;
    const within = operands.map((name) => this.#within(name, dims.length, order));
    return within.some((name) => name === null) ? null : { permutation: order, operands: within.map(String), dims: order.map((_, axis) => dims[order.indexOf(axis)] ?? 1) };
  }

  /** What an operand is a transpose of in that order, which with one long axis at most is but another shape; null where it is none. */
  #within(name: string, rank: number, order: readonly number[]): string | null {
    const known = this.#transposes.get(name);
    if (known !== undefined && isSame(known.permutation, order)) return known.of;
    const dims = this.dims(name);
    if (elementsIn(dims) === 1) return name;
    if (dims.filter((dim) => dim > 1).length > 1) return null;
    const aligned = [...Array.from({ length: rank - dims.length }, () => 1), ...dims];
    return this.reshape(name, order.map((_, axis) => aligned[order.indexOf(axis)] ?? 1));
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
    return this.elementwise(opType, [a, b], { elementType: "bool" });
  }

  both(a: string, b: string): string {
    return this.elementwise("And", [a, b], { elementType: "bool" });
  }

  where(condition: string, yes: string, no: string): string {
    return this.elementwise("Where", [condition, yes, no], { elementType: this.builder.typeOf(yes).elementType });
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

  /** Writes a transpose under a name that is given. */
  transposeAs(name: string, of: string, permutation: readonly number[]): void {
    const { elementType, dims } = this.builder.typeOf(of);
    this.builder.adopt(makeNode("Transpose", [of], [name], { perm: { ints: permutation } }), [{ elementType, dims: permutation.map((axis) => dims[axis] ?? 1) }]);
    this.isTransposeOf(name, of, permutation);
  }

  /** Has a value lie as another of its shape does: where that one is a transpose, so is this one from here on. */
  layOutAs(value: string, like: string): void {
    const { permutation } = this.#transposes.get(like) ?? {};
    if (permutation === undefined || this.#transposes.has(value)) return;
    const undone = permutation.map((_, axis) => permutation.indexOf(axis));
    this.isTransposeOf(value, this.transpose(value, undone), permutation);
  }

  /** Whether a value is the transpose of one in that order. */
  isTransposed(value: string, permutation: readonly number[]): boolean {
    const known = this.#transposes.get(value);
    return known !== undefined && isSame(known.permutation, permutation);
  }

  /** Over some axes. The sum of what was transposed is that of what it is a transpose of, where the axes that stay keep their order. */
  sum(x: string, axes: readonly number[], keepsDims = false): string {
    if (axes.length === 0) return x;
    const { of, permutation = [] } = this.#transposes.get(x) ?? {};
    const stays = permutation.filter((_, axis) => !axes.includes(axis));
    const keepOrder = stays.every((axis, i) => axis > (stays[i - 1] ?? -1));
    return of === undefined || keepsDims || !keepOrder ? this.#sum(x, axes, keepsDims) : this.#sum(of, axes.map((axis) => permutation[axis] ?? axis).toSorted((a, b) => a - b), false);
  }

  #sum(x: string, axes: readonly number[], keepsDims: boolean): string {
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
    if (isSame(dims, this.dims(x)) && steps.every((step) => step > 0)) return x;
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
    return this.elementwise(opType, [a, b]);
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
