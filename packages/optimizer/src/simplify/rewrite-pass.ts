import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import { GraphView, opsetOf } from "./graph-view.ts";

/** Looks at one node of the operator it stands for; edits the graph and says what it did, or returns null and leaves it alone. */
export type Rule = (node: OnnxNode, view: GraphView) => string | null;

/** Operator of the standard domain → rule. */
export type RuleTable = Readonly<Record<string, Rule>>;

/** Rewrites may enable each other; a table that never comes to rest is a mistake that must not hang the job. */
const SWEEPS_MAX = 20;

/** Before it, elementwise operators said how they broadcast in attributes. */
const OPSET_MIN = 7;

/** A pass that applies the rule of each node's operator, sweep by sweep, until nothing changes. */
export function rewritePass(description: Omit<Pass, "appliesTo" | "run">, rules: RuleTable): Pass {
  return {
    ...description,
    appliesTo(model) {
      if (opsetOf(model) < OPSET_MIN) return `is written for operator set ${OPSET_MIN} and later`;
      if (model.graph.nodes.some((node) => ruleFor(rules, node) !== undefined)) return null;
      return `has no ${Object.keys(rules).join(", ")}`;
    },
    run(model) {
      const changes: PassChange[] = [];
      for (let sweep = 0; sweep < SWEEPS_MAX; sweep += 1) {
        const made = sweepOnce(model, rules);
        if (made.length === 0) break;
        changes.push(...made);
      }
      return changes;
    },
  };
}

function sweepOnce(model: OnnxModel, rules: RuleTable): PassChange[] {
  const changes: PassChange[] = [];
  const view = new GraphView(model);
  const nodes = [...model.graph.nodes];
  for (const node of nodes) {
    const rule = ruleFor(rules, node);
    if (rule === undefined || !view.has(node)) continue;
    const label = nodeLabel(node);
    const what = rule(node, view);
    if (what !== null) changes.push({ node: label, what });
  }
  return changes;
}

function ruleFor(rules: RuleTable, node: OnnxNode): Rule | undefined {
  return node.domain === "" && Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
}

/** What a person finds the node by: its name, else the value it makes. */
export function nodeLabel(node: OnnxNode): string {
  return node.name === "" ? (node.outputs.find((name) => name !== "") ?? node.opType) : node.name;
}
