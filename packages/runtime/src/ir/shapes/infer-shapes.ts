import { FUNCTION_DEPTH_MAX, NODES_MAX } from "../../reader-limits.ts";
import type { OnnxAttribute, OnnxElementType, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxType } from "../types.ts";
import type { LocalFunctions } from "./local-functions.ts";
import { callAttributes, functionKey, localFunctions, withCallAttributes } from "./local-functions.ts";
import { NodeView } from "./node-view.ts";
import { ruleFor } from "./rules.ts";
import type { Dim, Value } from "./value.ts";
import { constantOf, constantValue, UNKNOWN, value } from "./value.ts";

/**
 * What is known of a value of the main graph. A string in `shape` is a named size, null an unknown one; `shape` is null when
 * even the rank is not known, `elementType` "undefined" when the type is not. `constant` is there for constants of any size
 * and for small values that shape arithmetic leaves no choice.
 */
export type ValueType = {
  readonly elementType: OnnxElementType;
  readonly shape: readonly (number | string | null)[] | null;
  readonly constant?: OnnxTensor;
};

type Scope = { readonly values: Map<string, Value>; readonly parent: Scope | null };

type Inference = {
  readonly opsets: ReadonlyMap<string, number>;
  readonly dimensions: Readonly<Record<string, number>>;
  /** From IR version 4 on a caller may put other elements in the place of an initializer that is also an input. */
  readonly canOverride: boolean;
  readonly functions: LocalFunctions;
  /** Inside a function: what its caller gave it. */
  readonly given: ReadonlyMap<string, OnnxAttribute>;
  readonly depth: number;
  /** Nodes that may still be looked at: functions that call each other twice double with every level. */
  readonly budget: { nodes: number };
  /** The values of each graph as they were followed last. */
  readonly followed: Map<OnnxGraph, Scope>;
};

/** As many as the runtime unfolds functions to. */
const UNFOLDED_NODES_MAX = 4 * NODES_MAX;

/**
 * Follows types, shapes and the elements of small integer tensors through the main graph, whose nodes must be in order.
 * `dimensions` gives sizes to named dimensions of the inputs. Shapes that the file declares for inner values are not
 * believed, since a pass may have made them stale. What no rule knows is left out; nothing is guessed.
 */
export function inferShapes(model: OnnxModel, options: { readonly dimensions?: Readonly<Record<string, number>> } = {}): Map<string, ValueType> {
  return follow(model, options.dimensions ?? {})(model.graph);
}

/** As `inferShapes`, for any graph inside the model: a branch that is never taken knows nothing. */
export function inferInnerShapes(model: OnnxModel): (graph: OnnxGraph) => ReadonlyMap<string, ValueType> {
  return follow(model, {});
}

function follow(model: OnnxModel, dimensions: Readonly<Record<string, number>>): (graph: OnnxGraph) => Map<string, ValueType> {
  const opsets = new Map(model.opsets.map(({ domain, version }) => [domain, version]));
  const scope: Scope = { values: new Map(), parent: null };
  const inference: Inference = {
    opsets,
    dimensions,
    canOverride: model.irVersion >= 4,
    functions: localFunctions(model),
    given: new Map(),
    depth: 0,
    budget: { nodes: UNFOLDED_NODES_MAX },
    followed: new Map(),
  };
  inferGraph(model.graph, scope, inference, null);
  return (graph) => knownTypes(inference.followed.get(graph) ?? { values: new Map(), parent: null });
}

/** Values of a graph and of those around it. */
function knownTypes(scope: Scope): Map<string, ValueType> {
  const known = scope.parent === null ? new Map<string, ValueType>() : knownTypes(scope.parent);
  for (const [name, found] of scope.values) {
    if (found.elementType === "undefined" && found.shape === null) continue;
    const constant = constantOf(name, found);
    known.set(name, { elementType: found.elementType, shape: found.shape, ...(constant === null ? {} : { constant }) });
  }
  return known;
}

/** Fills the scope with the values of a graph. `inputs`: what its inputs are bound to, null for the main graph. */
function inferGraph(graph: OnnxGraph, scope: Scope, inference: Inference, inputs: readonly Value[] | null): void {
  inference.followed.set(graph, scope);
  for (const [index, { name, type }] of graph.inputs.entries()) {
    const declared = declaredValue(type, inference.dimensions);
    // A body may say more of its inputs than is known outside, but what is known outside is what arrives.
    scope.values.set(name, inputs === null ? declared : (inputs[index] ?? declared));
  }
  for (const tensor of graph.initializers) {
    const known = constantValue(tensor);
    scope.values.set(tensor.name, inference.canOverride && scope.values.has(tensor.name) ? value(known.elementType, known.shape) : known);
  }
  for (const { values, dims } of graph.sparseInitializers) scope.values.set(values.name, value(values.elementType, dims));
  for (const node of graph.nodes) inferNode(node, scope, inference);
}

function inferNode(written: OnnxNode, scope: Scope, inference: Inference): void {
  inference.budget.nodes -= 1;
  if (inference.budget.nodes < 0) return;
  const node = withCallAttributes(written, inference.given);
  const inputs = node.inputs.map((name) => (name === "" ? UNKNOWN : lookUp(name, scope)));
  const body = inference.functions.get(functionKey(node.domain, node.opType, node.overload));
  const outputs = body === undefined ? ruleOutputs(node, inputs, scope, inference) : callOutputs(body, node, inputs, inference);
  for (const [index, name] of node.outputs.entries()) {
    const found = outputs[index];
    if (name !== "" && found !== undefined) scope.values.set(name, plausible(found));
  }
}

function ruleOutputs(node: OnnxNode, inputs: readonly Value[], scope: Scope, inference: Inference): readonly Value[] {
  const opset = inference.opsets.get(node.domain);
  const rule = opset === undefined ? null : ruleFor(node.domain, node.opType);
  if (rule === null || opset === undefined) return [];
  const view = new NodeView(node, opset, inputs, (graph, bound) => {
    const inner: Scope = { values: new Map(), parent: scope };
    inferGraph(graph, inner, inference, bound);
    return graph.outputs.map(({ name }) => lookUp(name, inner));
  });
  return rule(view);
}

/** Follows the body of a local function, which sees its inputs and nothing else. */
function callOutputs(body: OnnxFunction, node: OnnxNode, inputs: readonly Value[], inference: Inference): readonly Value[] {
  if (inference.depth >= FUNCTION_DEPTH_MAX) return [];
  const scope: Scope = { values: new Map(body.inputs.map((name, index) => [name, inputs[index] ?? UNKNOWN])), parent: null };
  const own = new Map(body.opsets.map(({ domain, version }) => [domain, version]));
  const inner: Inference = { ...inference, opsets: own.size === 0 ? inference.opsets : own, given: callAttributes(body, node), depth: inference.depth + 1 };
  for (const each of body.nodes) inferNode(each, scope, inner);
  return body.outputs.map((name) => lookUp(name, scope));
}

/** Sizes below zero or between whole numbers come of graphs that cannot run: nothing is known then. */
function plausible(found: Value): Value {
  const { shape } = found;
  if (shape === null || shape.every((dim) => typeof dim !== "number" || (Number.isSafeInteger(dim) && dim >= 0))) return found;
  return value(found.elementType, null);
}

function lookUp(name: string, scope: Scope): Value {
  for (let at: Scope | null = scope; at !== null; at = at.parent) {
    const found = at.values.get(name);
    if (found !== undefined) return found;
  }
  return UNKNOWN;
}

function declaredValue(type: OnnxType | null, dimensions: Readonly<Record<string, number>>): Value {
  if (type?.kind !== "tensor") return UNKNOWN;
  const shape = type.shape?.map((dimension): Dim => {
    if (dimension.kind === "value") return dimension.value >= 0 ? dimension.value : null;
    if (dimension.kind === "unknown" || dimension.param === "") return null;
    return Object.hasOwn(dimensions, dimension.param) ? (dimensions[dimension.param] ?? null) : dimension.param;
  });
  return value(type.elementType, shape ?? null);
}
