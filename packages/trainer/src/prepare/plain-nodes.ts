import { attribute, floats, int64s, type OnnxGraph, type OnnxTensor } from "@flotilla/runtime/ir";

/** Writes Constant nodes as initializers and leaves out what hands its input on: Identity, and Dropout where nothing is to be dropped. */
export function inlinePlainNodes(graph: OnnxGraph, options: { readonly dropsNothing: boolean }): void {
  const aliases = new Map<string, string>();
  const original = (name: string): string => aliases.get(name) ?? name;
  graph.nodes = graph.nodes.filter((node) => {
    node.inputs = node.inputs.map(original);
    const [output = ""] = node.outputs;
    const [input = ""] = node.inputs;
    if (node.opType === "Constant" && node.domain === "") {
      const tensor = constantOf(node, output);
      if (tensor === null) return true;
      graph.initializers.push(tensor);
      return false;
    }
    const handsOn = node.domain === "" && (node.opType === "Identity" || (node.opType === "Dropout" && options.dropsNothing && (node.outputs[1] ?? "") === ""));
    if (handsOn) aliases.set(output, input);
    return !handsOn;
  });
  for (const output of graph.outputs) output.name = original(output.name);
}

function constantOf(node: OnnxGraph["nodes"][number], name: string): OnnxTensor | null {
  for (const key of ["value", "value_float", "value_floats", "value_int", "value_ints"]) {
    const found = attribute(node, key);
    if (found?.type === "tensor") return { ...found.value, name };
    if (found?.type === "float") return floats(name, [], [found.value]);
    if (found?.type === "floats") return floats(name, [found.value.length], found.value);
    if (found?.type === "int") return int64s(name, [], [found.value]);
    if (found?.type === "ints") return int64s(name, [found.value.length], found.value);
  }
  return null;
}
