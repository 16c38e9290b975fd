import type { OnnxDimension, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "@flotilla/runtime/ir";

/** Whole models in a few lines, for tests of code that rewrites or emulates them. */

export type SmallGraph = {
  readonly opset: number;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers?: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
};

/** Also imports com.microsoft, which costs nothing. IR 8, or 10 from opset 21 on. */
export function smallModel({ opset, inputs, outputs, initializers = [], nodes }: SmallGraph): OnnxModel {
  return {
    irVersion: opset >= 21 ? 10 : 8,
    producerName: "",
    producerVersion: "",
    domain: "",
    modelVersion: 0n,
    docString: "",
    opsets: [
      { domain: "", version: opset },
      { domain: "com.microsoft", version: 1 },
    ],
    metadata: [],
    functions: [],
    unknownFields: [],
    graph: {
      name: "small",
      nodes: [...nodes],
      initializers: [...initializers],
      sparseInitializers: [],
      inputs: [...inputs],
      outputs: [...outputs],
      valueInfos: [],
      docString: "",
      metadata: [],
      unknownFields: [],
    },
  };
}

/** A graph input or output; a string is a symbolic dimension. */
export function tensorType(name: string, elementType: string, shape: readonly (number | string)[]): OnnxValueInfo {
  const dimensions = shape.map((dim): OnnxDimension => (typeof dim === "number" ? { kind: "value", value: dim, denotation: "" } : { kind: "param", param: dim, denotation: "" }));
  return { name, type: { kind: "tensor", elementType, shape: dimensions, denotation: "" }, docString: "", metadata: [], unknownFields: [] };
}
