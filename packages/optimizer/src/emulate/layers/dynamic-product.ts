import type { OnnxNode } from "@flotilla/runtime/ir";
import { makeNode } from "@flotilla/runtime/ir";

/**
 * DynamicQuantizeMatMul (com.microsoft) as the two steps it is made of: ranging and rounding the activations, which is the same on every
 * CPU, and the product of integers. Other nodes are given back as they are.
 */
export function dynamicProductParts(node: OnnxNode): OnnxNode[] {
  if (node.opType !== "DynamicQuantizeMatMul") return [node];
  const [a = "", b = "", bScale = "", bZero = "", bias = ""] = node.inputs;
  const output = node.outputs[0] ?? "";
  const [quantised, scale, zero] = [`${output}_quantised`, `${output}_scale`, `${output}_zero`];
  return [
    makeNode("DynamicQuantizeLinear", [a], [quantised, scale, zero], {}, { name: `${node.name}_quantise` }),
    makeNode("MatMulIntegerToFloat", [quantised, b, scale, bScale, zero, bZero, bias], [output], {}, { name: node.name, domain: "com.microsoft" }),
  ];
}
