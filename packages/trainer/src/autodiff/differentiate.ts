import { RULES } from "../rules/rule-table.ts";
import { AutodiffRefusal } from "./autodiff-refusal.ts";
import type { Forward, WrittenNode } from "./emit-forward.ts";
import { tameValues } from "./tame-values.ts";

/**
 * Writes the gradients of a loss behind a forward pass (reverse mode; Griewank and Walther, "Evaluating Derivatives", chapter 3). `seeds`: an output → the value that
 * holds dLoss/dOutput. Answers for each name of `wanted` the value that holds its gradient; a name that the loss does not depend on is absent.
 * Throws AutodiffRefusal `no_gradient_rule` that names the node in the way.
 */
export function differentiate(forward: Forward, seeds: ReadonlyMap<string, string>, wanted: readonly string[]): Map<string, string> {
  const { math, nodes } = forward;
  const needed = valuesBehind(nodes, wanted);
  const tame = tameValues(nodes.map(({ node }) => node));
  const parts = new Map<string, string[]>([...seeds].map(([value, gradient]) => [value, [gradient]]));
  const total = (value: string): string | null => {
    const all = parts.get(value);
    if (all === undefined) return null;
    for (const part of all) math.layOutAs(part, value);
    const [first = ""] = all;
    const sum = all.length === 1 ? first : math.elementwise("Sum", all);
    parts.set(value, [sum]);
    return sum;
  };
  for (const { node, saved } of nodes.toReversed()) {
    if (!node.outputs.some((name) => parts.has(name)) || !node.inputs.some((name) => needed.has(name))) continue;
    const rule = node.domain === "" ? RULES[node.opType] : undefined;
    if (rule === undefined) throw noRule(nodes, node);
    const gradients = node.outputs.map(total);
    const gradient = gradients.find((value) => value !== null);
    if (gradient === undefined || gradient === null) continue;
    const found = rule({
      math, node, inputs: node.inputs, outputs: node.outputs, gradients, gradient, saved, isTame: tame.has(node.outputs[0] ?? ""),
      needs: (input) => needed.has(node.inputs[input] ?? ""), dims: (value) => math.dims(value), constant: (value) => forward.constant(value),
    });
    for (const [position, name] of node.inputs.entries()) {
      const value = found[position];
      if (name === "" || value === null || value === undefined || !needed.has(name)) continue;
      const known = parts.get(name);
      if (known === undefined) parts.set(name, [value]);
      else known.push(value);
    }
  }
  return new Map(wanted.flatMap((name) => { const value = total(name); return value === null ? [] : [[name, value] as const]; }));
}

/** The wanted values and all that is made of them. */
function valuesBehind(nodes: readonly WrittenNode[], wanted: readonly string[]): ReadonlySet<string> {
  const behind = new Set(wanted);
  for (const { node } of nodes) if (node.inputs.some((name) => behind.has(name))) for (const name of node.outputs) if (name !== "") behind.add(name);
  return behind;
}

/** Freezing everything up to the last node without a rule lets the others train. */
function noRule(nodes: readonly WrittenNode[], node: WrittenNode["node"]): AutodiffRefusal {
  const name = node.name || (node.outputs[0] ?? "");
  const kind = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
  const behind = nodes.length - 1 - nodes.findIndex((written) => written.node === node);
  return new AutodiffRefusal("no_gradient_rule", `the node "${name}" (${kind}) has no gradient; freeze everything up to it, and the ${behind} nodes behind it can be trained`, name);
}
