import { kernelMacs } from "@flotilla/runtime";
import type { OnnxNode, ValueType } from "@flotilla/runtime/ir";

/**
 * Multiply-accumulates of one run of a node, with unknown and named sizes counted as 1; null for operators that are not counted and
 * where shapes are not known.
 */
export function nodeMacs(node: OnnxNode, types: ReadonlyMap<string, ValueType>): number | null {
  const shapes = (names: readonly string[]) => names.map((name) => types.get(name)?.shape?.map((size) => (typeof size === "number" ? size : 1)) ?? null);
  const [inputs, outputs] = [shapes(node.inputs), shapes(node.outputs)];
  if (outputs[0] === null || inputs[0] === null || inputs[1] === null) return null;
  return kernelMacs({ opType: node.opType, inputShapes: inputs.map((shape) => shape ?? []), outputShapes: outputs.map((shape) => shape ?? []) });
}
