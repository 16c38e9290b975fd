import type { OnnxDimension, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "@flotilla/runtime/ir";

/** Whole models in a few lines, for tests of code that rewrites or emulates them. */

export type SmallGraph = {
  /** Default 17. */
  readonly opset?: number;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers?: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
};

/** Also imports com.microsoft, which costs nothing. IR 8, or 10 from opset 21 on. */
export function smallModel({ opset = 17, inputs, outputs, initializers = [], nodes }: SmallGraph): OnnxModel {
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

/** An input or output; a string is a symbolic dimension, null an open one, no shape an open rank. */
export function value(name: string, shape?: readonly (number | string | null)[], elementType = "float32"): OnnxValueInfo {
  const type = { kind: "tensor" as const, elementType, shape: shape?.map(dimension) ?? null, denotation: "" };
  return { name, type, docString: "", metadata: [], unknownFields: [] };
}

function dimension(size: number | string | null): OnnxDimension {
  if (typeof size === "number") return { kind: "value", value: size, denotation: "" };
  return size === null ? { kind: "unknown", denotation: "" } : { kind: "param", param: size, denotation: "" };
}
