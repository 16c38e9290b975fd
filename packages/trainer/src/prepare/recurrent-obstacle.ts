import { attribute, intAttribute, type OnnxNode } from "@flotilla/runtime/ir";

/** Nodes of the unrolled series, and with them the time to open a session, grow with its length: 400 steps took 5 s. */
const STEPS_MAX = 512;
const DEFAULT_ACTIVATIONS: Readonly<Record<string, readonly string[]>> = { LSTM: ["sigmoid", "tanh", "tanh"], GRU: ["sigmoid", "tanh"] };

/** Why a recurrent layer cannot be written out step by step: what it has that its form here does not know; null when it can be. */
export function recurrentObstacle(node: OnnxNode, dims: (value: string) => readonly number[]): string | null {
  const [x = "", , , , lengths = "", , , peepholes = ""] = node.inputs;
  if (lengths !== "") return "lengths of its own for each series";
  if (peepholes !== "") return "peepholes";
  if (attribute(node, "clip") !== null || intAttribute(node, "input_forget", 0) !== 0) return "clipped or coupled gates";
  const said = attribute(node, "activations");
  const usual = DEFAULT_ACTIVATIONS[node.opType] ?? [];
  const names = said?.type === "strings" ? said.value.map((name) => new TextDecoder().decode(name).toLowerCase()) : [];
  if (names.some((name, i) => name !== usual[i % usual.length])) return "activations other than the usual ones";
  const steps = dims(x)[intAttribute(node, "layout", 0) === 1 ? 1 : 0] ?? 0;
  return steps > STEPS_MAX ? `a series of ${steps} steps (at most ${STEPS_MAX} are learnt)` : null;
}
