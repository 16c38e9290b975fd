import { elementCount, floats, int64s, makeNode, type AttributeInput, type OnnxDimension, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValueInfo } from "@flotilla/runtime/ir";
import { KerasRefusal, quoted } from "../keras-refusal.ts";
import type { Dimension, KerasValue, Layout } from "./keras-value.ts";

/** Operators are written as this set has them (ONNX 1.14). */
const OPSET = 18;
const IR_VERSION = 9;
/** Name of the first dimension of all that comes in and goes out. */
const BATCH = "batch";

type Attributes = Readonly<Record<string, AttributeInput>>;

/** Writes the ONNX graph of a network, node by node, and keeps values in both layouts where both are asked for. */
export class NetworkWriter {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #taken = new Set<string>();
  /** The number that the next name like this one begins to look from. */
  readonly #repeats = new Map<string, number>();
  readonly #outside = new Set<string>();
  readonly #constants = new Map<string, string>();
  #elementsLeft: number;
  /** Prefix of new names: the path of the layer that is being written. */
  scope = "";

  /** Parameters may have so many elements together. */
  constructor(parameterElementsMax: number) {
    this.#elementsLeft = parameterElementsMax;
  }

  /** An input of the model. */
  input(name: string, shape: readonly Dimension[], elementType: string): KerasValue {
    const own = this.#fresh(name);
    this.#inputs.push(valueInfo(own, elementType, shape));
    return { shape, forms: shape.length > 1 ? { last: own } : { last: own, first: own } };
  }

  /** A value that a node has made in one layout. Without axes between batch and channels both are the same. */
  value(shape: readonly Dimension[], layout: Layout, name: string): KerasValue {
    return { shape, forms: shape.length > 1 ? { [layout]: name } : { last: name, first: name } };
  }

  /** The ONNX value that holds `value` in a layout. */
  form(value: KerasValue, layout: Layout): string {
    const known = value.forms[layout];
    if (known !== undefined) return known;
    const rank = value.shape.length + 1;
    const channelsFirst = [0, rank - 1, ...axes(1, rank - 1)];
    const channelsLast = [0, ...axes(2, rank), 1];
    const made = this.node("Transpose", [value.forms[layout === "first" ? "last" : "first"] ?? ""], { perm: { ints: layout === "first" ? channelsFirst : channelsLast } });
    value.forms[layout] = made;
    return made;
  }

  /** Writes a node of one output and answers its name. */
  node(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.nodeOf(opType, inputs, 1, attributes)[0] ?? "";
  }

  /** Writes a node of `outputs` outputs. */
  nodeOf(opType: string, inputs: readonly string[], outputs: number, attributes: Attributes = {}): string[] {
    const name = this.#fresh(`${this.scope}/${opType}`);
    const names = Array.from({ length: outputs }, (_, index) => (index === 0 ? `${name}:0` : this.#fresh(`${name}:${index}`)));
    this.#nodes.push(makeNode(opType, inputs, names, attributes, { name }));
    return names;
  }

  /** A parameter of the layer that is being written; written once, however often the layer is used. Sizes are looked at before anything is made. */
  parameter(role: string, dims: readonly number[], values: () => Float32Array): string {
    const name = `${this.scope}/${role}`;
    if (!this.#initializers.has(name)) {
      this.#elementsLeft -= elementCount(dims);
      if (this.#elementsLeft < 0) throw new KerasRefusal("keras_too_large", `with ${quoted(name)} the model has more weights than are read`);
      this.#taken.add(name);
      this.#initializers.set(name, floats(name, dims, values()));
    }
    return name;
  }

  /** A float constant: a scalar when it is one number. */
  floats(values: readonly number[], dims: readonly number[] = values.length === 1 ? [] : [values.length]): string {
    return this.#constant(`float ${dims.join("x")} ${values.join()}`, (name) => floats(name, dims, values));
  }

  /** A list of int64: axes, shapes, paddings. */
  int64s(values: readonly (number | bigint)[]): string {
    return this.#constant(`int ${values.join()}`, (name) => int64s(name, [values.length], values));
  }

  /** The model with these outputs, each under its own name. */
  toModel(graphName: string, outputs: readonly { readonly name: string; readonly value: KerasValue }[], metadata: [string, string][]): OnnxModel {
    const infos = outputs.map(({ name, value }) => valueInfo(this.#named(value, name), "float32", value.shape));
    return {
      irVersion: IR_VERSION, producerName: "flotilla", producerVersion: "", domain: "", modelVersion: 0n, docString: "", opsets: [{ domain: "", version: OPSET }], metadata, functions: [], unknownFields: [],
      graph: {
        name: graphName, nodes: this.#nodes, initializers: [...this.#initializers.values()], sparseInitializers: [], inputs: this.#inputs, outputs: infos, valueInfos: [], docString: "", metadata: [], unknownFields: [],
      },
    };
  }

  /** Has the value called `wanted`: by renaming it, or by an Identity where its name is seen from outside already. */
  #named(value: KerasValue, wanted: string): string {
    const old = this.form(value, "last");
    const name = this.#fresh(wanted);
    const isSeen = this.#inputs.some((input) => input.name === old) || this.#outside.has(old);
    this.#outside.add(name);
    if (isSeen) {
      this.#nodes.push(makeNode("Identity", [old], [name], {}, { name: `${name}/Identity` }));
      return name;
    }
    if (value.forms.first === old) value.forms.first = name;
    value.forms.last = name;
    const renamed = (other: string): string => (other === old ? name : other);
    for (const node of this.#nodes) {
      node.inputs = node.inputs.map(renamed);
      node.outputs = node.outputs.map(renamed);
    }
    return name;
  }

  #constant(key: string, make: (name: string) => OnnxTensor): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const tensor = make(this.#fresh(`constant_${this.#constants.size}`));
    this.#initializers.set(tensor.name, tensor);
    this.#constants.set(key, tensor.name);
    return tensor.name;
  }

  #fresh(wanted: string): string {
    let name = wanted;
    for (let n = this.#repeats.get(wanted) ?? 1; this.#taken.has(name); n += 1) {
      name = `${wanted}_${n}`;
      this.#repeats.set(wanted, n + 1);
    }
    this.#taken.add(name);
    return name;
  }
}

function axes(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function valueInfo(name: string, elementType: string, shape: readonly Dimension[]): OnnxValueInfo {
  const dims: OnnxDimension[] = shape.map((size, axis) => (size === null ? { kind: "param", param: `${name}_${axis + 1}`, denotation: "" } : { kind: "value", value: size, denotation: "" }));
  const type = { kind: "tensor" as const, elementType, shape: [{ kind: "param" as const, param: BATCH, denotation: "" }, ...dims], denotation: "" };
  return { name, type, docString: "", metadata: [], unknownFields: [] };
}
