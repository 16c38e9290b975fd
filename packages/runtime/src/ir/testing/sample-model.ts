import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "../types.ts";

/** A value of tensor type; a string is a named dimension, a null shape an open rank. */
export function tensorValue(name: string, elementType: string, shape: readonly (number | string)[] | null): OnnxValueInfo {
  const dims = shape?.map((dim) =>
    typeof dim === "number" ? ({ kind: "value", value: dim, denotation: "" } as const) : ({ kind: "param", param: dim, denotation: "" } as const),
  );
  return { name, type: { kind: "tensor", elementType, shape: dims ?? null, denotation: "" }, docString: "", metadata: [], unknownFields: [] };
}

/** A graph from its parts. */
export function sampleGraph(parts: { nodes: OnnxNode[]; inputs: OnnxValueInfo[]; outputs: OnnxValueInfo[]; initializers?: OnnxTensor[] }): OnnxGraph {
  return { name: "sample", initializers: [], sparseInitializers: [], valueInfos: [], docString: "", metadata: [], unknownFields: [], ...parts };
}

/** A model around one graph; opset 17 unless said otherwise. */
export function sampleModel(parts: Parameters<typeof sampleGraph>[0] & { opset?: number; irVersion?: number }): OnnxModel {
  const { opset = 17, irVersion = 8, ...graph } = parts;
  return {
    irVersion, producerName: "", producerVersion: "", domain: "", modelVersion: 0n, docString: "", graph: sampleGraph(graph),
    opsets: [{ domain: "", version: opset }], metadata: [], functions: [], unknownFields: [],
  };
}
