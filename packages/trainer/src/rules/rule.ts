import type { OnnxNode } from "@flotilla/runtime/ir";
import { AutodiffRefusal } from "../autodiff/autodiff-refusal.ts";
import type { GraphMath } from "../autodiff/graph-math.ts";

/** What a rule is given of one node: its values are in the graph already. */
export type RuleContext = {
  readonly math: GraphMath;
  readonly node: OnnxNode;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** dLoss/dOutput for each output; null where the loss does not depend on it. */
  readonly gradients: readonly (string | null)[];
  /** The first output's. */
  readonly gradient: string;
  /** What the forward form kept for the backward one. */
  readonly saved: Readonly<Record<string, string>>;
  /** Whether the gradient is finite at each place unless it is infinite at all: then a product with 0 blocks it. */
  readonly isTame: boolean;
  /** Whether anything that is learnt lies behind the input. */
  needs(input: number): boolean;
  dims(value: string): readonly number[];
  /** Numbers of a value that stays as it is; null when it does not. */
  constant(value: string | undefined): readonly number[] | null;
};

/** Writes dLoss/dInput for each input; null where there is none or nobody needs it. */
export type Rule = (context: RuleContext) => readonly (string | null)[];

/** How a node is written forward where the backward form needs more than its outputs; answers what to keep. */
export type ForwardForm = (context: Omit<RuleContext, "gradients" | "gradient" | "saved" | "isTame" | "needs">) => Readonly<Record<string, string>>;

/** A rule for one input. */
export function ofOne(make: (context: RuleContext & { readonly x: string; readonly y: string }) => string): Rule {
  return (context) => [make({ ...context, x: context.inputs[0] ?? "", y: context.outputs[0] ?? "" })];
}

/** The refusal of a form that the rule of its operator does not know. */
export function unsupported(node: OnnxNode, what: string): AutodiffRefusal {
  return new AutodiffRefusal("operator_form_unsupported", `the node "${node.name || node.outputs[0]}" (${node.opType}) has ${what}, which cannot be trained through; freeze it and everything before it`, node.name || (node.outputs[0] ?? null));
}

/** An axis counted from the front. */
export function frontAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
