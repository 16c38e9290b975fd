import { float16ToNumber } from "@flotilla/runtime";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxType } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";

/** `TensorProto.DataType` codes (onnx.proto), as the attributes of Cast and its kin have them. */
const FLOAT = 1n;
const FLOAT16 = 10n;

/** Attributes that name an element type by its code. */
const TYPE_ATTRIBUTES = new Set(["to", "dtype", "output_datatype", "output_dtype", "stash_type"]);

/**
 * A half-precision model in single precision: weights, inputs, outputs, casts. Every float16 number is a float32 number, so weights
 * keep their values exactly; sums in between are no longer rounded to 11 bits. CPUs compute in float32 anyway, and integer kernels
 * are only built from float32 graphs.
 */
export const widenFloat16: Pass = {
  name: "widen-float16",
  title: "Half precision to single precision",
  expectedEffect: "weights take twice the bytes, inputs and outputs become float32; the model can be quantised then",
  exactness: "rounding",
  appliesTo: (model) => (usesFloat16(model) ? null : "the model has no float16 values"),
  run(model) {
    const widener = new Widener();
    widener.graph(model.graph);
    for (const body of model.functions) {
      body.nodes.forEach((node) => widener.node(node));
      body.valueInfos.forEach(({ type }) => widener.type(type));
      body.attributeDefaults.forEach((attribute) => widener.attribute(attribute));
    }
    return widener.changes;
  },
};

function usesFloat16(model: OnnxModel): boolean {
  const { graph } = model;
  const isHalf = (type: OnnxType | null) => type?.kind === "tensor" && type.elementType === "float16";
  return (
    graph.initializers.some(({ elementType }) => elementType === "float16") ||
    [...graph.inputs, ...graph.outputs, ...graph.valueInfos].some(({ type }) => isHalf(type)) ||
    graph.nodes.some((node) => node.attributes.some(namesFloat16))
  );
}

function namesFloat16(attribute: OnnxAttribute): boolean {
  if (attribute.type === "tensor") return attribute.value.elementType === "float16";
  return attribute.type === "int" && attribute.value === FLOAT16 && TYPE_ATTRIBUTES.has(attribute.name);
}

class Widener {
  readonly changes: PassChange[] = [];

  graph(graph: OnnxGraph): void {
    const before = this.changes.length;
    const weights = graph.initializers.filter((tensor) => this.tensor(tensor)).length;
    graph.sparseInitializers.forEach(({ values }) => this.tensor(values));
    if (weights > 0) this.changes.push({ node: graph.name, what: `${weights} weight tensors widened to float32` });
    for (const value of [...graph.inputs, ...graph.outputs]) {
      if (this.type(value.type)) this.changes.push({ node: value.name, what: "is float32 now" });
    }
    const inner = graph.valueInfos.filter(({ type }) => this.type(type)).length;
    if (inner > 0 && this.changes.length === before) this.changes.push({ node: graph.name, what: `${inner} values typed float32` });
    graph.nodes.forEach((node) => this.node(node));
  }

  node(node: OnnxNode): void {
    for (const attribute of node.attributes) if (this.attribute(attribute)) this.changes.push({ node: node.name, what: `${attribute.name} is float32 now` });
  }

  attribute(attribute: OnnxAttribute): boolean {
    switch (attribute.type) {
      case "int":
        if (!namesFloat16(attribute)) return false;
        attribute.value = FLOAT;
        return true;
      case "tensor":
        return this.tensor(attribute.value);
      case "tensors":
        return attribute.value.filter((tensor) => this.tensor(tensor)).length > 0;
      case "sparse":
        return this.tensor(attribute.value.values);
      case "graph":
        this.graph(attribute.value);
        return false;
      case "graphs":
        attribute.value.forEach((graph) => this.graph(graph));
        return false;
      case "typeProto":
        return this.type(attribute.value);
      default:
        return false;
    }
  }

  type(type: OnnxType | null): boolean {
    switch (type?.kind) {
      case "tensor":
      case "sparse":
        if (type.elementType !== "float16") return false;
        type.elementType = "float32";
        return true;
      case "sequence":
      case "optional":
        return this.type(type.element);
      case "map":
        return this.type(type.value);
      default:
        return false;
    }
  }

  tensor(tensor: OnnxTensor): boolean {
    if (tensor.elementType !== "float16" || Array.isArray(tensor.data)) return false;
    const { data } = tensor;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const wide = Float32Array.from({ length: data.byteLength / 2 }, (_, index) => float16ToNumber(view.getUint16(index * 2, true)));
    tensor.elementType = "float32";
    tensor.data = new Uint8Array(wide.buffer);
    // Where it lay in an external file it no longer fits.
    tensor.external = null;
    return true;
  }
}
