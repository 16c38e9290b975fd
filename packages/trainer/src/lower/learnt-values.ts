import type { PreparedModel } from "../prepare/prepared-model.ts";

/** The parameters, and all values that are made of them. A weight that is rounded while it is trained is one as well as the parameter it is rounded from. */
export function learntValues({ nodes, parameters }: Pick<PreparedModel, "nodes" | "parameters">): ReadonlySet<string> {
  const learnt = new Set(parameters.map(({ name }) => name));
  for (const node of nodes) if (node.inputs.some((name) => learnt.has(name))) for (const name of node.outputs) if (name !== "") learnt.add(name);
  return learnt;
}
