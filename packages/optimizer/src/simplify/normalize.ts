import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { GraphIndex } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import { nodeLabel } from "./rewrite-pass.ts";

/** From this version of the format on (2022), files may keep initializers out of the inputs, and every runtime in use reads it. */
const IR_VERSION_MIN = 8;

/**
 * An initializer that is also an input can be overridden by the caller, so nothing that depends on it is constant: not for us, and
 * not for ONNX Runtime, which then folds nothing.
 */
export const initializersOutOfInputs: Pass = {
  name: "initializers-out-of-inputs",
  title: "Weights that are listed as inputs become constants",
  expectedEffect: "ONNX Runtime may fold and fuse: several times faster on files of old exporters",
  exactness: "bit-equal",
  appliesTo: (model) => (overridable(model).length > 0 || model.irVersion < IR_VERSION_MIN ? null : "no initializer is an input"),
  run(model) {
    const names = new Set(overridable(model));
    model.graph.inputs = model.graph.inputs.filter(({ name }) => !names.has(name));
    const changes: PassChange[] = [];
    if (names.size > 0) changes.push({ node: model.graph.name, what: `${names.size} initializers are no inputs any more` });
    if (model.irVersion < IR_VERSION_MIN) {
      changes.push({ node: model.graph.name, what: `IR version ${model.irVersion} is ${IR_VERSION_MIN}` });
      model.irVersion = IR_VERSION_MIN;
    }
    return changes;
  },
};

function overridable({ graph }: OnnxModel): string[] {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const constants = [...graph.initializers.map(({ name }) => name), ...graph.sparseInitializers.map(({ values }) => values.name)];
  return constants.filter((name) => inputs.has(name));
}

export const constantsToInitializers: Pass = {
  name: "constants-to-initializers",
  title: "Constant nodes become initializers",
  expectedEffect: "one form of constants for all later passes, one node less each",
  exactness: "bit-equal",
  appliesTo: ({ graph }) => (graph.nodes.some(isConstantNode) ? null : "has no Constant"),
  run({ graph }) {
    const index = new GraphIndex(graph);
    const changes: PassChange[] = [];
    graph.nodes = graph.nodes.filter((node) => {
      const [name = ""] = node.outputs;
      const tensor = isConstantNode(node) && !index.isGraphOutput(name) ? index.constantValue(name) : null;
      if (tensor === null) return true;
      graph.initializers.push({ ...tensor, name });
      changes.push({ node: nodeLabel(node), what: "is an initializer" });
      return false;
    });
    return changes;
  },
};

function isConstantNode(node: OnnxNode): boolean {
  return node.opType === "Constant" && node.domain === "";
}

/** Absent optional inputs at the end are left out, every node has a name of its own, values are made before they are read. */
export const canonicalForm: Pass = {
  name: "canonical-form",
  title: "Names and order of nodes",
  expectedEffect: "nodes can be told apart in reports; nothing runs differently",
  exactness: "bit-equal",
  appliesTo: () => null,
  run({ graph }) {
    const changes: PassChange[] = [];
    const index = new GraphIndex(graph);
    const order = [...graph.nodes];
    if (index.sortTopologically() && graph.nodes.some((node, at) => node !== order[at])) changes.push({ node: graph.name, what: "nodes put in order" });
    const taken = new Set<string>();
    let named = 0;
    for (const node of graph.nodes) {
      if (trimAbsent(node)) changes.push({ node: nodeLabel(node), what: "absent inputs at the end left out" });
      if (node.name === "" || taken.has(node.name)) {
        node.name = index.freshName(node.name === "" ? `${node.opType}_${nodeLabel(node)}` : node.name);
        named += 1;
      }
      taken.add(node.name);
    }
    if (named > 0) changes.push({ node: graph.name, what: `${named} nodes named` });
    return changes;
  },
};

function trimAbsent(node: OnnxNode): boolean {
  const { length } = node.inputs;
  while (node.inputs.at(-1) === "") node.inputs.pop();
  return node.inputs.length < length;
}
