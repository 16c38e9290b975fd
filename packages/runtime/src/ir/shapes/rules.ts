import { CLASSICAL } from "./classical.ts";
import { CONTROL_FLOW } from "./control-flow.ts";
import { CONVOLUTION, MICROSOFT_CONVOLUTION } from "./convolution.ts";
import { CREATION } from "./creation.ts";
import { ELEMENTWISE, MICROSOFT_ELEMENTWISE } from "./elementwise.ts";
import type { Rule, Rules } from "./node-view.ts";
import { MICROSOFT_NORMALIZATION, NORMALIZATION } from "./normalization.ts";
import { MICROSOFT_PRODUCT, PRODUCT } from "./product.ts";
import { MICROSOFT_QUANTIZATION, QUANTIZATION } from "./quantization.ts";
import { REARRANGEMENT } from "./rearrangement.ts";
import { MICROSOFT_RECURRENT, RECURRENT } from "./recurrent.ts";
import { REDUCTION } from "./reduction.ts";
import { SELECTION } from "./selection.ts";

const BY_DOMAIN: ReadonlyMap<string, Rules> = new Map([
  ["", { ...ELEMENTWISE, ...CONVOLUTION, ...PRODUCT, ...REARRANGEMENT, ...SELECTION, ...REDUCTION, ...NORMALIZATION, ...QUANTIZATION, ...CREATION, ...CONTROL_FLOW, ...RECURRENT }],
  ["com.microsoft", { ...MICROSOFT_ELEMENTWISE, ...MICROSOFT_CONVOLUTION, ...MICROSOFT_PRODUCT, ...MICROSOFT_NORMALIZATION, ...MICROSOFT_QUANTIZATION, ...MICROSOFT_RECURRENT }],
  ["ai.onnx.ml", CLASSICAL],
]);

/** The rule of an operator, or null for one that is not known. */
export function ruleFor(domain: string, opType: string): Rule | null {
  const rules = BY_DOMAIN.get(domain);
  return rules !== undefined && Object.hasOwn(rules, opType) ? (rules[opType] ?? null) : null;
}
