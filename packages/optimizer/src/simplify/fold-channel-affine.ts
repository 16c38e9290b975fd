import type { OnnxNode } from "@flotilla/runtime/ir";
import type { Pass } from "../pass.ts";
import { AFFINE_OPERATORS, readChannelAffine } from "./channel-affine.ts";
import type { GraphView } from "./graph-view.ts";
import { convTranspose } from "./linear/conv-transpose.ts";
import { conv } from "./linear/conv.ts";
import { gemm } from "./linear/gemm.ts";
import type { LinearOperator } from "./linear/linear-operator.ts";
import { matMul } from "./linear/mat-mul.ts";
import { rewritePass } from "./rewrite-pass.ts";
import type { Rule, RuleTable } from "./rewrite-pass.ts";

const LINEAR: Readonly<Record<string, LinearOperator>> = { Conv: conv, ConvTranspose: convTranspose, Gemm: gemm, MatMul: matMul };

const NORMS: readonly string[] = ["BatchNormalization"];

export const foldBatchNorm: Pass = rewritePass(
  {
    name: "fold-batch-norm",
    title: "Batch normalisation into the weights beside it",
    expectedEffect: "one node and one sweep over the activations less per BatchNormalization next to a Conv, ConvTranspose, Gemm or MatMul",
    exactness: "rounding",
  },
  foldRules(NORMS),
);

export const foldChannelAffine: Pass = rewritePass(
  {
    name: "fold-channel-affine",
    title: "Multiplications and additions per channel into the weights beside them",
    expectedEffect: "one node less per Mul, Div, Add or Sub with a constant next to a Conv, ConvTranspose, Gemm or MatMul; MatMul + Add becomes Gemm",
    exactness: "rounding",
  },
  foldRules(AFFINE_OPERATORS.filter((operator) => !NORMS.includes(operator))),
);

/** Rules for both directions, for these of the operators that `readChannelAffine` understands. */
function foldRules(operators: readonly string[]): RuleTable {
  const after: Rule = (node, view) => foldAfter(node, view);
  const before: Rule = (node, view) => foldBefore(node, view, operators);
  return {
    ...Object.fromEntries(operators.map((operator) => [operator, after])),
    ...Object.fromEntries(Object.keys(LINEAR).map((operator) => [operator, before])),
  };
}

/** W·x + b, then the affine node: one node that makes the affine node's value. */
function foldAfter(node: OnnxNode, view: GraphView): string | null {
  const affine = readChannelAffine(node, view);
  const producer = affine === null ? null : view.privateProducer(affine.input);
  const operator = producer === null ? undefined : linearOperator(producer);
  if (affine === null || producer === null || operator === undefined) return null;
  const folded = operator.absorbAfter(producer, affine, view);
  if (folded === null) return null;
  view.remove(producer);
  view.replace(node, { ...folded, outputs: [node.outputs[0] ?? ""] });
  return `${node.opType} folded into the ${producer.opType} before it`;
}

/** The affine node, then W·x + b: one node that reads the affine node's input. */
function foldBefore(node: OnnxNode, view: GraphView, operators: readonly string[]): string | null {
  const operator = linearOperator(node);
  const producer = view.privateProducer(node.inputs[0] ?? "");
  if (operator === undefined || producer === null || !operators.includes(producer.opType)) return null;
  const affine = readChannelAffine(producer, view);
  const folded = affine === null ? null : operator.absorbBefore(node, affine, view);
  if (affine === null || folded === null) return null;
  view.remove(producer);
  view.replace(node, { ...folded, inputs: [affine.input, ...folded.inputs.slice(1)] });
  return `${producer.opType} folded into the ${node.opType} behind it`;
}

function linearOperator(node: OnnxNode): LinearOperator | undefined {
  return node.domain === "" && Object.hasOwn(LINEAR, node.opType) ? LINEAR[node.opType] : undefined;
}
