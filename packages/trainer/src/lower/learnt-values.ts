import { valuesMadeOf } from "../graph/values-made-of.ts";
import type { PreparedModel } from "../prepare/prepared-model.ts";

/** The parameters, and all values that are made of them. A weight that is rounded while it is trained is one as well as the parameter it is rounded from. */
export function learntValues({ nodes, parameters }: Pick<PreparedModel, "nodes" | "parameters">): ReadonlySet<string> {
  return valuesMadeOf(parameters.map(({ name }) => name), nodes);
}
