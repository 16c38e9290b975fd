import type { OnnxDimension, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "@flotilla/runtime/ir";

type SmallModel = {
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxTensor[];
  /** Default 17. */
  readonly opset?: number;
};

/** A model of one graph, as a test describes it. */
export function smallModel({ inputs, outputs, nodes, constants = [], opset = 17 }: SmallModel): OnnxModel {
  return {
    irVersion: 8,
    producerName: "test",
    producerVersion: "",
    domain: "",
    modelVersion: 0n,
    docString: "",
    graph: {
      name: "small",
      nodes: [...nodes],
      initializers: [...constants],
      sparseInitializers: [],
      inputs: [...inputs],
      outputs: [...outputs],
      valueInfos: [],
      docString: "",
      metadata: [],
      unknownFields: [],
    },
    opsets: [{ domain: "", version: opset }],
    metadata: [],
    functions: [],
    unknownFields: [],
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
