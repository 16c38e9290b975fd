import { attribute } from "../attributes.ts";
import type { OnnxGraph } from "../types.ts";
import type { NodeView, Rule, Rules } from "./node-view.ts";
import type { Value } from "./value.ts";
import { commonValue, UNKNOWN, value } from "./value.ts";

function graphOf(view: NodeView, name: string): OnnxGraph | null {
  const found = attribute(view.node, name);
  return found?.type === "graph" ? found.value : null;
}

/** The branch that a known condition takes; else what both branches have in common. */
const branches: Rule = (view) => {
  const yes = graphOf(view, "then_branch");
  const no = graphOf(view, "else_branch");
  if (yes === null || no === null) return [];
  const condition = view.numbers(0)?.[0];
  if (condition !== undefined) return view.inferGraph(condition === 0 ? no : yes, []);
  const otherwise = view.inferGraph(no, []);
  return view.inferGraph(yes, []).map((then, index) => commonValue(then, otherwise[index] ?? UNKNOWN));
};

/** Rounds of following a body until what all rounds have in common no longer changes; each one can only forget. */
const ROUNDS_MAX = 8;

/** Carried values are what the start and every round have in common; collected ones gain a leading dimension. */
const loop: Rule = (view) => {
  const body = graphOf(view, "body");
  if (body === null) return [];
  const carriedCount = view.node.inputs.length - 2;
  let carried: Value[] = view.inputs.slice(2).map((start) => value(start.elementType, start.shape));
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const outputs = view.inferGraph(body, [value("int64", []), value("bool", []), ...carried]).slice(1);
    const next = carried.map((before, index) => commonValue(before, outputs[index] ?? UNKNOWN));
    const isStable = next.every((after, index) => sameKnowledge(after, carried[index] ?? UNKNOWN));
    carried = next;
    if (!isStable) continue;
    const collected = outputs.slice(carriedCount).map((each) => value(each.elementType, each.shape === null ? null : [null, ...each.shape]));
    return [...carried, ...collected];
  }
  return [];
};

function sameKnowledge(a: Value, b: Value): boolean {
  return a.elementType === b.elementType && JSON.stringify(a.shape) === JSON.stringify(b.shape);
}

export const CONTROL_FLOW: Rules = { If: branches, Loop: loop };
