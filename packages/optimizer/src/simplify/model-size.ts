import type { OnnxModel, OnnxTensor } from "@flotilla/runtime/ir";
import { writeOnnx } from "@flotilla/runtime/ir";

export type ModelSize = {
  /** Nodes of the main graph. */
  readonly nodes: number;
  /** The file with all weights inside. */
  readonly sizeBytes: number;
  /** Elements of initializers and of tensors in attributes. */
  readonly weightBytes: number;
};

export function modelSize(model: OnnxModel): ModelSize {
  const { nodes, initializers } = model.graph;
  const inNodes = nodes.flatMap(({ attributes }) => attributes.flatMap((attribute) => (attribute.type === "tensor" ? [attribute.value] : [])));
  const weightBytes = [...initializers, ...inNodes].reduce((sum, { data }) => sum + dataBytes(data), 0);
  return { nodes: nodes.length, sizeBytes: writeOnnx(model).byteLength, weightBytes };
}

/** Bytes of a tensor's elements; of text, the bytes of all strings. */
export function dataBytes(data: OnnxTensor["data"]): number {
  return Array.isArray(data) ? data.reduce((sum, text) => sum + text.byteLength, 0) : data.byteLength;
}
