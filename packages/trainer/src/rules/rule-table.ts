import { ACTIVATIONS } from "./activations.ts";
import { ARITHMETIC } from "./arithmetic.ts";
import { CONVOLUTIONS } from "./convolution.ts";
import { NORMALIZATIONS } from "./normalization.ts";
import { POOLED } from "./pooled-convolution.ts";
import { POOLS } from "./pooling.ts";
import { PRODUCTS } from "./products.ts";
import { RECURRENT } from "./recurrent.ts";
import { REDUCTIONS } from "./reductions.ts";
import type { Rule } from "./rule.ts";
import { SHAPES } from "./shapes.ts";
import { STOCHASTIC } from "./stochastic.ts";

const nothing: Rule = ({ inputs }) => inputs.map(() => null);

/** Steps: their slope is zero wherever there is one. */
export const STEPS = ["Shape", "Size", "ArgMax", "ArgMin", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "OneHot", "Floor", "Ceil", "Round", "Sign", "Not", "And", "Or", "Xor", "IsNaN", "ConstantOfShape", "Range"];

/** Gradient rules of standard operators, in their form of opset 20, and of what several of them are written together as. */
export const RULES: Readonly<Record<string, Rule>> = {
  ...ARITHMETIC,
  ...ACTIVATIONS,
  ...SHAPES,
  ...REDUCTIONS,
  ...PRODUCTS,
  ...CONVOLUTIONS,
  ...POOLS,
  ...POOLED,
  ...NORMALIZATIONS,
  ...STOCHASTIC,
  ...RECURRENT,
  ...Object.fromEntries(STEPS.map((opType) => [opType, nothing])),
};
