import type { AttributeDescription, NodeDescription, TensorDescription, ValueDescription } from "@flotilla/runtime";
import { buildModel, floatTensor, int64Tensor } from "@flotilla/runtime";

/**
 * Small models DQ → operator → Q, one for each cell of the fusion matrix: what the runtime does with them is the truth the predictor is
 * held to.
 */

export type ActivationType = "uint8" | "int8" | "uint16" | "int16";

type Params = { readonly scale: number; readonly zeroPoint: number };

export type CellInput =
  /** A float graph input that passes Q and DQ. */
  | { readonly kind: "activation"; readonly shape: readonly number[]; readonly params?: Params }
  /** A constant behind a DQ; per channel when `axis` is given. */
  | { readonly kind: "weight"; readonly shape: readonly number[]; readonly elementType?: "int8" | "uint8"; readonly axis?: number; readonly scale?: number }
  /** An int32 constant behind a DQ with the product of the scales, times `factor`. */
  | { readonly kind: "bias"; readonly count: number; readonly factor?: number; readonly axis?: number }
  | { readonly kind: "float"; readonly shape: readonly number[] }
  | { readonly kind: "ints"; readonly values: readonly number[] }
  | { readonly kind: "condition"; readonly shape: readonly number[] }
  | { readonly kind: "absent" };

export type Cell = {
  readonly opType: string;
  readonly attributes?: Readonly<Record<string, AttributeDescription>>;
  readonly inputs: readonly CellInput[];
  readonly type?: ActivationType;
  /** Parameters of the output's Q; null leaves the output float. Default: those of the inputs. */
  readonly output?: Params | null;
  readonly outputs?: number;
  readonly outputType?: "float32" | "int64";
  /** A Relu or Clip between the operator and its Q. */
  readonly clip?: "Relu" | "Clip";
  /** A float operator that also reads the operator's output, in front of its Q. */
  readonly floatReader?: boolean;
  /** A second consumer of the first input's Q, through a DQ of its own. */
  readonly branching?: boolean;
  readonly opset?: number;
};

const DEFAULT_PARAMS: Record<ActivationType, Params> = {
  uint8: { scale: 0.05, zeroPoint: 128 },
  int8: { scale: 0.05, zeroPoint: 0 },
  uint16: { scale: 0.0005, zeroPoint: 32_768 },
  int16: { scale: 0.0005, zeroPoint: 0 },
};

/** Name of the node under test. */
export const TARGET = "target";

class CellBuilder {
  readonly type: ActivationType;
  readonly cell: Cell;
  readonly nodes: NodeDescription[] = [];
  readonly inputs: ValueDescription[] = [];
  readonly outputs: ValueDescription[] = [];
  readonly initializers: TensorDescription[] = [];

  constructor(cell: Cell) {
    this.cell = cell;
    this.type = cell.type ?? "uint8";
  }

  /** Scale and zero point as initializers; returns their names. */
  params(name: string, elementType: string, { scale, zeroPoint }: Params, count?: number): [string, string] {
    const shape = count === undefined ? [] : [count];
    this.initializers.push(floatTensor(`${name}_scale`, shape, new Array<number>(count ?? 1).fill(scale)));
    this.initializers.push({ name: `${name}_zero`, elementType, shape, raw: integers(elementType, new Array<number>(count ?? 1).fill(zeroPoint)) });
    return [`${name}_scale`, `${name}_zero`];
  }

  quantised(name: string, from: string, params: Params): string {
    const [scale, zero] = this.params(name, this.type, params);
    this.nodes.push({ name: `${name}_q`, opType: "QuantizeLinear", inputs: [from, scale, zero], outputs: [`${name}_quantised`] });
    return this.dequantised(name, `${name}_quantised`, scale, zero);
  }

  dequantised(name: string, from: string, scale: string, zero: string, axis?: number): string {
    const attributes = axis === undefined ? {} : { attributes: { axis: { int: axis } } };
    this.nodes.push({ name: `${name}_dq`, opType: "DequantizeLinear", inputs: [from, scale, zero], outputs: [`${name}_real`], ...attributes });
    return `${name}_real`;
  }

  input(input: CellInput, index: number): string {
    const name = `in${index}`;
    switch (input.kind) {
      case "activation": {
        this.inputs.push({ name, elementType: "float32", shape: input.shape });
        const real = this.quantised(name, name, input.params ?? DEFAULT_PARAMS[this.type]);
        if (this.cell.branching === true && index === 0) this.branch(name, input.shape);
        return real;
      }
      case "weight": {
        const elementType = input.elementType ?? "int8";
        const zeroPoint = elementType === "uint8" ? 128 : 0;
        const count = input.shape.reduce((all, dim) => all * dim, 1);
        const values = Array.from({ length: count }, (_, at) => ((at * 37) % 200) - 100 + zeroPoint);
        this.initializers.push({ name, elementType, shape: input.shape, raw: integers(elementType, values) });
        const channels = input.axis === undefined ? undefined : input.shape[input.axis];
        const [scale, zero] = this.params(name, elementType, { scale: input.scale ?? 0.02, zeroPoint }, channels);
        return this.dequantised(name, name, scale, zero, input.axis);
      }
      case "bias": {
        const scale = Math.fround(Math.fround(DEFAULT_PARAMS[this.type].scale) * Math.fround(0.02)) * (input.factor ?? 1);
        this.initializers.push({ name, elementType: "int32", shape: [input.count], raw: new Uint8Array(Int32Array.from({ length: input.count }, (_, at) => at * 10).buffer) });
        const [scaleName, zero] = this.params(name, "int32", { scale, zeroPoint: 0 }, input.axis === undefined ? undefined : input.count);
        return this.dequantised(name, name, scaleName, zero, input.axis);
      }
      case "float": {
        const count = input.shape.reduce((all, dim) => all * dim, 1);
        this.initializers.push(floatTensor(name, input.shape, Array.from({ length: count }, (_, at) => ((at % 7) + 1) / 8)));
        return name;
      }
      case "ints":
        this.initializers.push(int64Tensor(name, [input.values.length], input.values));
        return name;
      case "condition":
        this.inputs.push({ name, elementType: "bool", shape: input.shape });
        return name;
      case "absent":
        return "";
    }
  }

  branch(name: string, shape: readonly number[]): void {
    const real = this.dequantised(`${name}_side`, `${name}_quantised`, `${name}_scale`, `${name}_zero`);
    this.nodes.push({ name: "side", opType: "Sin", inputs: [real], outputs: ["side_out"] });
    this.outputs.push({ name: "side_out", elementType: "float32", shape });
  }

  output(name: string, index: number): void {
    const { cell } = this;
    let from = name;
    if (cell.floatReader === true) {
      this.nodes.push({ name: "reader", opType: "Sin", inputs: [from], outputs: ["reader_out"] });
      this.outputs.push({ name: "reader_out", elementType: "float32" });
    }
    if (cell.clip !== undefined) {
      this.nodes.push({ name: "then", opType: cell.clip, inputs: [from, ...(cell.clip === "Clip" ? this.clipBounds() : [])], outputs: [`${name}_then`] });
      from = `${name}_then`;
    }
    const params = cell.output === undefined ? DEFAULT_PARAMS[this.type] : cell.output;
    if (params !== null && cell.outputType !== "int64") from = this.quantised(`out${index}`, from, params);
    this.nodes.push({ name: `end${index}`, opType: cell.outputType === "int64" ? "Identity" : "Sin", inputs: [from], outputs: [`y${index}`] });
    this.outputs.push({ name: `y${index}`, elementType: cell.outputType ?? "float32" });
  }

  clipBounds(): string[] {
    this.initializers.push(floatTensor("clip_low", [], [0]), floatTensor("clip_high", [], [6]));
    return ["clip_low", "clip_high"];
  }
}

function integers(elementType: string, values: readonly number[]): Uint8Array {
  const arrays = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array };
  return new Uint8Array(arrays[elementType as keyof typeof arrays].from(values).buffer);
}

/** Bytes of the model of a cell: opset 17 for 8 bits, 21 for 16. */
export function cellModel(cell: Cell): Uint8Array {
  const builder = new CellBuilder(cell);
  const inputs = cell.inputs.map((input, index) => builder.input(input, index));
  const outputs = Array.from({ length: cell.outputs ?? 1 }, (_, index) => `t${index}`);
  builder.nodes.push({ name: TARGET, opType: cell.opType, inputs, outputs, ...(cell.attributes === undefined ? {} : { attributes: cell.attributes }) });
  outputs.forEach((name, index) => builder.output(name, index));
  const opset = cell.opset ?? (builder.type.endsWith("16") ? 21 : 17);
  return buildModel({
    irVersion: opset >= 21 ? 10 : 8,
    opsets: [{ domain: "", version: opset }],
    graph: { nodes: builder.nodes, inputs: builder.inputs, outputs: builder.outputs, initializers: builder.initializers },
  });
}
