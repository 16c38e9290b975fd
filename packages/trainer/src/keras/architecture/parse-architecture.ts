import { ConfigReader, field, invalid, isObject, type Json } from "../config-reader.ts";
import type { KerasLimits } from "../keras-limits.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";
import type { Architecture, LayerEntry, Port } from "./architecture.ts";
import { applicationOrder } from "./application-order.ts";
import { inboundPorts, portsOf } from "./inbound-nodes.ts";
import { readLayerList, type ListedLayer } from "./layer-list.ts";

/** Classes that are networks of layers and not layers. */
export const NETWORK_CLASSES: ReadonlySet<string> = new Set(["Functional", "Model", "Sequential"]);

/** Networks in networks stay far below; what reads the text may then walk it by recursion. */
const NESTING_MAX = 200;

/** Reads a JSON text out of a model. Throws KerasRefusal. */
export function parseJson(text: string, what: string): Json {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (error) {
    throw new KerasRefusal("keras_config_invalid", `${what} is not JSON`, { cause: error });
  }
  let level: Json[] = [parsed];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > NESTING_MAX) return invalid(what, `is nested more than ${NESTING_MAX} deep`);
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value as object) as Json[] : []));
  }
  return parsed;
}

/** The network that a `{ class_name, config }` describes; a model with code of its own is refused by name. */
export function parseArchitecture(model: Json, limits: KerasLimits): Architecture {
  const className = field(model, "class_name");
  if (typeof className !== "string") return invalid("the description of the model", "names no class");
  if (!NETWORK_CLASSES.has(className)) {
    throw new KerasRefusal("keras_custom_layer", `the model is of the class ${quoted(className)}, whose code is not in the file; only Sequential and Functional models can be read`);
  }
  const config = field(model, "config");
  // Keras before 2.2.3 wrote a Sequential model as the list itself.
  const layers = readLayerList(Array.isArray(config) ? config : field(config, "layers"), limits);
  const name = field(config, "name");
  const named = typeof name === "string" ? name : className.toLowerCase();
  return className === "Sequential" ? sequential(named, layers, field(config, "build_input_shape")) : functional(named, config, layers);
}

function functional(name: string, config: Json, layers: readonly ListedLayer[]): Architecture {
  const byName = new Map(layers.map((listed) => [listed.entry.name, listed]));
  const inputs = portsOf(field(config, "input_layers"), "the model's inputs");
  const applications = layers.flatMap(({ entry, inboundNodes }) => inboundNodes.map((node, index) => ({ layer: entry, node: index, inputs: inboundPorts(node, entry) })));
  const outputs = portsOf(field(config, "output_layers"), "the model's outputs");
  if (Math.max(inputs.length, outputs.length) > ENDS_MAX) throw new KerasRefusal("keras_graph_invalid", `the model has more than ${ENDS_MAX} inputs or outputs`);
  const used = [...outputs, ...applications.flatMap((application) => application.inputs)];
  const applied = applications.filter(({ layer }) => layer.className !== "InputLayer").map((application) => ({ ...application, node: application.node + firstUse(application.layer, byName, used) }));
  return {
    name,
    inputs: inputs.map((port) => {
      const layer = byName.get(port.layer);
      if (layer?.entry.className !== "InputLayer") throw new KerasRefusal("keras_graph_invalid", `the model names ${quoted(port.layer)} as its input, which is no input layer`);
      return inputOf(port, layer);
    }),
    applications: applicationOrder(applied, inputs, outputs),
    outputs,
  };
}

/**
 * What the first use of a layer is counted as. Keras 2 counts a network's own making as its use 0, so the uses of one inside of another begin with 1; only uses that
 * something needs are saved, so the highest number tells.
 */
function firstUse({ name, className }: LayerEntry, byName: ReadonlyMap<string, ListedLayer>, used: readonly Port[]): number {
  if (!NETWORK_CLASSES.has(className)) return 0;
  const uses = byName.get(name)?.inboundNodes.length ?? 0;
  return used.some((port) => port.layer === name && port.node === uses) ? 1 : 0;
}

function sequential(name: string, layers: readonly ListedLayer[], buildShape: Json): Architecture {
  const [first, ...others] = layers;
  const hasInputLayer = first?.entry.className === "InputLayer";
  const chain = hasInputLayer ? others : layers;
  const port: Port = { layer: first === undefined ? "input" : hasInputLayer ? first.entry.name : `${first.entry.name}_input`, node: 0 };
  const input = first === undefined ? { port, shape: shapeOf(buildShape), elementType: "float32" } : inputOf(port, first);
  let last = port;
  const applications = chain.map(({ entry }) => {
    const application = { layer: entry, node: 0, inputs: [last] };
    last = { layer: entry.name, node: 0 };
    return application;
  });
  return { name, inputs: [{ ...input, shape: input.shape ?? shapeOf(buildShape) }], applications, outputs: [last] };
}

function inputOf(port: Port, { entry }: ListedLayer): Architecture["inputs"][number] {
  const config = new ConfigReader(entry.config, `input ${quoted(entry.name)}`);
  const shape = shapeOf(config.raw("batch_shape") ?? config.raw("batch_input_shape"));
  const isInput = entry.className === "InputLayer";
  if (isInput && (config.raw("sparse") === true || config.raw("ragged") === true)) throw new KerasRefusal("keras_option_unsupported", `the input ${quoted(entry.name)} is sparse or ragged, which is not supported`);
  const dtype = config.raw("dtype");
  return { port, shape, elementType: isInput && typeof dtype === "string" ? dtype : "float32" };
}

const ENDS_MAX = 1_000;
const RANK_MAX = 6;
const DIMENSION_MAX = 2 ** 24;

/** Without its first dimension, the batch. Null when there is no shape. */
function shapeOf(value: Json): (number | null)[] | null {
  const dims = isObject(value) ? field(value, "items") : value;
  if (!Array.isArray(dims)) return null;
  const isDimension = (dim: Json): dim is number | null => dim === null || (typeof dim === "number" && Number.isInteger(dim) && dim > 0 && dim <= DIMENSION_MAX);
  if (dims.length === 0 || dims.length > RANK_MAX || !dims.every(isDimension)) return invalid("an input", `has the shape ${quoted(JSON.stringify(dims))}, which no input can have`);
  return dims.slice(1) as (number | null)[];
}
