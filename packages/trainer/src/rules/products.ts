import { floatAttribute, intAttribute } from "@flotilla/runtime/ir";
import type { Rule } from "./rule.ts";

/** C = A·B: dA = dC·Bᵀ, dB = Aᵀ·dC, summed over stacks that were repeated. Vectors count as a row before and a column behind. */
const matMul: Rule = ({ math, inputs: [a = "", b = ""], gradient, dims, needs }) => {
  const [left, right] = [dims(a).length === 1 ? math.reshape(a, [1, ...dims(a)]) : a, dims(b).length === 1 ? math.reshape(b, [...dims(b), 1]) : b];
  const [isRow, isColumn] = [dims(a).length === 1, dims(b).length === 1];
  const shape = dims(gradient);
  const full = math.reshape(gradient, [...shape.slice(0, shape.length - (isRow ? 0 : 1) - (isColumn ? 0 : 1)), ...(isRow ? [1] : shape.slice(isColumn ? -1 : -2, isColumn ? undefined : -1)), ...(isColumn ? [1] : shape.slice(-1))]);
  return [
    needs(0) ? math.reshape(math.unbroadcast(math.matrixProduct(full, right, { transposesB: true }), left), dims(a)) : null,
    needs(1) ? math.reshape(math.unbroadcast(math.matrixProduct(left, full, { transposesA: true }), right), dims(b)) : null,
  ];
};

/** Y = α·A'·B' + β·C with A', B' transposed where said. */
const gemm: Rule = ({ math, node, inputs: [a = "", b = "", c], gradient, needs }) => {
  const [isFlippedA, isFlippedB] = [intAttribute(node, "transA", 0) !== 0, intAttribute(node, "transB", 0) !== 0];
  const scaled = math.scale(gradient, floatAttribute(node, "alpha", 1));
  const ofA = () => (isFlippedA ? math.matrixProduct(b, scaled, { transposesA: isFlippedB, transposesB: true }) : math.matrixProduct(scaled, b, { transposesB: !isFlippedB }));
  const ofB = () => (isFlippedB ? math.matrixProduct(scaled, a, { transposesA: true, transposesB: isFlippedA }) : math.matrixProduct(a, scaled, { transposesA: !isFlippedA }));
  return [
    needs(0) ? ofA() : null,
    needs(1) ? ofB() : null,
    c !== undefined && c !== "" && needs(2) ? math.unbroadcast(math.scale(gradient, floatAttribute(node, "beta", 1)), c) : null,
  ];
};

export const PRODUCTS: Readonly<Record<string, Rule>> = { MatMul: matMul, Gemm: gemm };
