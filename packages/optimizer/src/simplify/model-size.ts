import type { OnnxModel } from "@flotilla/runtime/ir";
import { writeOnnx } from "@flotilla/runtime/ir";

/** Nodes of the main graph, and bytes of the file with all weights inside. */
export type ModelSize = { readonly nodes: number; readonly sizeBytes: number };

export function modelSize(model: OnnxModel): ModelSize {
  return { nodes: model.graph.nodes.length, sizeBytes: writeOnnx(model).byteLength };
}
