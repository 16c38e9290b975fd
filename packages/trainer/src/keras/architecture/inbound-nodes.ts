import { field, isObject, type Json } from "../config-reader.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";
import type { LayerEntry, Port } from "./architecture.ts";

/** Nesting of argument lists; Keras itself writes two levels. */
const NESTING_MAX = 8;

/** What a layer takes in one of its uses: Keras 2 writes `[[name, node, tensor, options], …]`, Keras 3 `{ args, kwargs }`. */
export function inboundPorts(node: Json, layer: LayerEntry): Port[] {
  const where = `layer ${quoted(layer.name)}`;
  if (isObject(node)) {
    refuseOptions(field(node, "kwargs"), where);
    return tensorsIn(field(node, "args"), where, 0);
  }
  if (!Array.isArray(node)) return invalidUse(where);
  return portsOf(node, where);
}

/** The ports of a list, of a single port, or of an object of ports. */
export function portsOf(value: Json, where: string): Port[] {
  if (isObject(value)) return Object.values(value).flatMap((one) => portsOf(one, where));
  if (!Array.isArray(value)) return invalidUse(where);
  return typeof value[0] === "string" ? [portOf(value, where)] : value.map((one: Json) => (Array.isArray(one) ? portOf(one, where) : invalidUse(where)));
}

function portOf([layer, node, tensor, options]: readonly Json[], where: string): Port {
  if (typeof layer !== "string" || typeof node !== "number" || !Number.isInteger(node) || node < 0) return invalidUse(where);
  if (tensor !== 0) throw new KerasRefusal("keras_graph_invalid", `${where} takes output ${quoted(String(tensor))} of ${quoted(layer)}; only layers with one output are supported`);
  refuseOptions(options ?? null, where);
  return { layer, node };
}

function tensorsIn(value: Json, where: string, depth: number): Port[] {
  if (depth > NESTING_MAX) return invalidUse(where);
  if (Array.isArray(value)) return value.flatMap((one: Json) => tensorsIn(one, where, depth + 1));
  if (value === null) return [];
  if (field(value, "class_name") !== "__keras_tensor__") throw new KerasRefusal("keras_option_unsupported", `${where} is called with ${quoted(JSON.stringify(value))}, which is not a value of the network`);
  const history = field(field(value, "config"), "keras_history");
  return Array.isArray(history) ? [portOf(history, where)] : invalidUse(where);
}

/** Whether it was called for training decides nothing here: what is converted is inference. */
function refuseOptions(options: Json, where: string): void {
  for (const [name, value] of Object.entries(isObject(options) ? options : {})) {
    if (name === "training" || value === null) continue;
    throw new KerasRefusal("keras_option_unsupported", `${where} is called with ${quoted(name)}, which is not supported`);
  }
}

function invalidUse(where: string): never {
  throw new KerasRefusal("keras_graph_invalid", `what ${where} is connected to cannot be read`);
}
