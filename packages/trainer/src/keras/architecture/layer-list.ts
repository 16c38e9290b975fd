import { field, invalid, isObject, type Json } from "../config-reader.ts";
import type { KerasLimits } from "../keras-limits.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";
import type { LayerEntry } from "./architecture.ts";

/** A layer and, in Functional models, each of its uses, still unread. */
export type ListedLayer = { readonly entry: LayerEntry; readonly inboundNodes: readonly Json[] };

const NAME_CHARACTERS_MAX = 500;
/** Where the layers of Keras itself come from; Keras 2 names no module in .h5 files. */
const OWN_MODULES = /^(tensorflow\.|tf_)?(python\.)?keras(\.src)?(\.(layers|engine|models|legacy)\b.*)?$/;

/** The layers of one network in their order. Layers that bring their own code are refused here, by name. */
export function readLayerList(value: Json, limits: KerasLimits): ListedLayer[] {
  if (!Array.isArray(value)) return invalid("the description of the model", "has no list of layers");
  if (value.length > limits.layers) throw new KerasRefusal("keras_too_many_layers", `the model has ${value.length} layers; ${limits.layers} are read at most`);
  const names = new Set<string>();
  const perClass = new Map<string, number>();
  return value.map((item: Json) => {
    const className = field(item, "class_name");
    const config = field(item, "config");
    const name = field(config, "name") ?? field(item, "name");
    if (typeof className !== "string" || typeof name !== "string" || name === "" || name.length > NAME_CHARACTERS_MAX) return invalid("a layer", `without a class, a name or a configuration: ${quoted(JSON.stringify(item))}`);
    if (names.has(name)) throw new KerasRefusal("keras_graph_invalid", `two layers are called ${quoted(name)}`);
    names.add(name);
    refuseForeignCode(name, className, item);
    const positionInClass = perClass.get(className) ?? 0;
    perClass.set(className, positionInClass + 1);
    const nodes = field(item, "inbound_nodes") ?? [];
    if (!Array.isArray(nodes) || nodes.length > limits.layers) return invalid(`layer ${quoted(name)}`, "has no list of uses");
    return { entry: { name, className, positionInClass, config: isObject(config) ? config : {} }, inboundNodes: nodes };
  });
}

function refuseForeignCode(name: string, className: string, item: Json): void {
  if (className === "Lambda") throw new KerasRefusal("keras_lambda_layer", `layer ${quoted(name)} is a Lambda layer, whose Python code is never run; replace it by standard layers`);
  const registered = field(item, "registered_name");
  const module = field(item, "module");
  const isForeign = (typeof registered === "string" && registered.includes(">")) || className.includes(">") || (typeof module === "string" && !OWN_MODULES.test(module));
  if (isForeign) throw new KerasRefusal("keras_custom_layer", `layer ${quoted(name)} is of the class ${quoted(className)}, which is not one of Keras' own layers, and its code is not in the file`);
}
