import type { VariantReport } from "@flotilla/fleet";
import type { FusionAudit, QuantizeReport } from "@flotilla/optimizer";

/** A list of nodes longer than that is not read. */
const FLOAT_NODES_MAX = 5_000;

/** What runs on integers, by the runtime's own graph. Why a node is in float is what decided it: `why` by its name, else its placement, else the matrix. */
export function fusionReport({ nodes, conversions }: FusionAudit, placed: Pick<QuantizeReport, "nodes" | "guards">, why: ReadonlyMap<string, string> = new Map()): NonNullable<VariantReport["fusion"]> {
  const reasons = new Map([
    ...placed.guards.map(({ node, guard }) => [guard, `it was written to keep ${node} in float`] as const),
    ...placed.nodes.flatMap(({ node, state, reason }) => (state === "float" && reason !== null ? [[node, reason] as const] : [])),
    ...why,
  ]);
  const floats = nodes.filter(({ state }) => state === "float");
  return {
    integerNodes: nodes.filter(({ state }) => state === "integer").length,
    floatNodes: floats.slice(0, FLOAT_NODES_MAX).map(({ node, opType, reason }) => ({ name: node, opType, reason: reasons.get(node) ?? reason ?? "" })),
    conversionNodes: conversions,
    integerTimeShare: null,
    method: "ONNX Runtime's own graph at the level extended",
  };
}
