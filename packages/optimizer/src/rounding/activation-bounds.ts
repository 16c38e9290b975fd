import type { GraphIndex, OnnxNode } from "@flotilla/runtime/ir";
import { tensorNumbers } from "@flotilla/runtime/ir";

/** Where the values of a layer are cut before anybody reads them. */
export type Bounds = { readonly low: number; readonly high: number };

/** The largest float32: no bound at all. */
const UNBOUNDED = 3.402_823_4e38;
const NO_BOUNDS: Bounds = { low: -UNBOUNDED, high: UNBOUNDED };

/** The limits of a Relu or a Clip with constant bounds that alone reads the layer; none behind anything else. */
export function activationBounds(node: OnnxNode, index: GraphIndex): Bounds {
  const name = node.outputs[0] ?? "";
  const next = index.isGraphOutput(name) ? null : index.onlyConsumer(name);
  if (next?.domain !== "") return NO_BOUNDS;
  if (next.opType === "Relu") return { low: 0, high: UNBOUNDED };
  if (next.opType !== "Clip") return NO_BOUNDS;
  const [low, high] = [bound(next.inputs[1], -UNBOUNDED, index), bound(next.inputs[2], UNBOUNDED, index)];
  return low === null || high === null ? NO_BOUNDS : { low, high };
}

function bound(name: string | undefined, absent: number, index: GraphIndex): number | null {
  if (name === undefined || name === "") return absent;
  const constant = index.constantValue(name);
  return constant === null ? null : (tensorNumbers(constant)[0] ?? null);
}
