import { ConfigReader, field } from "../config-reader.ts";
import { portKey, type Application, type Architecture, type LayerEntry } from "../architecture/architecture.ts";
import { NETWORK_CLASSES, parseArchitecture } from "../architecture/parse-architecture.ts";
import type { KerasLimits } from "../keras-limits.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";
import { LAYERS, TRAINING_ONLY } from "../layers/layer-table.ts";
import { nameOf, type LayerUse } from "../layers/layer-use.ts";
import type { WeightSource } from "../weights/weight-source.ts";
import type { KerasValue } from "./keras-value.ts";
import type { NetworkWriter } from "./network-writer.ts";

/** What all layers of a file have in common, and what is told of them. */
export type Conversion = {
  readonly writer: NetworkWriter;
  readonly weights: WeightSource;
  readonly kerasMajor: number;
  readonly limits: KerasLimits;
  /** Uses of layers written so far, networks inside of networks among them: one network may be used many times by another. */
  readonly written: { name: string; className: string }[];
  /** Networks inside of networks, read once however often they are used. */
  readonly networks: Map<LayerEntry["config"], Architecture>;
  /** Sentences for people about what was left out. */
  readonly notes: Set<string>;
};

const NESTED_NETWORKS_MAX = 8;

/** Writes a network for these inputs and answers its outputs. `path`: the networks it is nested in. */
export function writeNetwork(conversion: Conversion, network: Architecture, inputs: readonly KerasValue[], path: readonly LayerEntry[] = []): KerasValue[] {
  const values = new Map(network.inputs.map(({ port }, position) => [portKey(port), inputs[position]]));
  for (const application of network.applications) {
    const { layer, node } = application;
    const taken = application.inputs.map((port) => valueOf(values, portKey(port)));
    const made = NETWORK_CLASSES.has(layer.className) ? [writeNested(conversion, layer, taken, path)] : [writeLayer(conversion, application, taken, path)];
    values.set(portKey({ layer: layer.name, node }), made[0]);
  }
  return network.outputs.map((port) => valueOf(values, portKey(port)));
}

function valueOf(values: ReadonlyMap<string, KerasValue | undefined>, key: string): KerasValue {
  const value = values.get(key);
  if (value === undefined) throw new KerasRefusal("keras_graph_invalid", `nothing in the model makes ${quoted(key)}`);
  return value;
}

function writeNested(conversion: Conversion, layer: LayerEntry, inputs: readonly KerasValue[], path: readonly LayerEntry[]): KerasValue {
  countUse(conversion, layer, path);
  if (path.length >= NESTED_NETWORKS_MAX) throw new KerasRefusal("keras_too_many_layers", `networks are nested more than ${NESTED_NETWORKS_MAX} deep`);
  const network = conversion.networks.get(layer.config) ?? parseArchitecture({ class_name: layer.className, config: layer.config }, conversion.limits);
  conversion.networks.set(layer.config, network);
  if (network.inputs.length !== inputs.length) throw new KerasRefusal("keras_graph_invalid", `the network ${quoted(layer.name)} takes ${network.inputs.length} inputs, and ${inputs.length} go in`);
  const [output, second] = writeNetwork(conversion, network, inputs, [...path, layer]);
  if (output === undefined || second !== undefined) throw new KerasRefusal("keras_graph_invalid", `the network ${quoted(layer.name)} inside of the model has not exactly one output`);
  return output;
}

function writeLayer(conversion: Conversion, { layer }: Application, inputs: readonly KerasValue[], path: readonly LayerEntry[]): KerasValue {
  const { writer, kerasMajor, notes } = conversion;
  const { name, className } = layer;
  const convert = LAYERS.get(className);
  if (convert === undefined) throw new KerasRefusal("keras_layer_unsupported", `${nameOf(layer)} is of a kind that is not supported; export the model to ONNX with tf2onnx instead`);
  countUse(conversion, layer, path);
  noteOn(layer, notes);
  writer.scope = scopeOf(layer, path);
  const config = new ConfigReader(layer.config, nameOf(layer));
  const use: LayerUse = { name, className, config, writer, kerasMajor, weights: TRAINING_ONLY.has(className) ? [] : conversion.weights.weightsOf([...path, layer]) };
  const value = convert(use, inputs);
  if (!TRAINING_ONLY.has(className)) config.refuseUnread();
  return value;
}

function countUse({ written, limits }: Conversion, layer: LayerEntry, path: readonly LayerEntry[]): void {
  written.push({ name: scopeOf(layer, path), className: layer.className });
  if (written.length > limits.layers) throw new KerasRefusal("keras_too_many_layers", `the model uses layers more than ${limits.layers} times`);
}

function scopeOf(layer: LayerEntry, path: readonly LayerEntry[]): string {
  return [...path, layer].map(({ name }) => name).join("/");
}

/** Layers that compute in another precision than single are refused, half precision is widened. */
function noteOn(layer: LayerEntry, notes: Set<string>): void {
  const dtype = field(layer.config, "dtype");
  const policy = typeof dtype === "string" ? dtype : (field(field(dtype, "config"), "name") ?? "float32");
  if (policy === "mixed_float16" || policy === "mixed_bfloat16") notes.add("Layers that Keras computes in half precision are computed in single precision.");
  else if (policy !== "float32") throw new KerasRefusal("keras_dtype_unsupported", `${nameOf(layer)} computes in ${quoted(String(policy))}; single precision is supported`);
  if (TRAINING_ONLY.has(layer.className)) notes.add("Layers that only work in training (dropout, noise, random changes) are left out.");
}
