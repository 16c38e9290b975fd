import type { Amplifier, Body, Collected, LocalFunction, Scope } from "./graph-reader.ts";
import { operatorKey } from "./graph-reader.ts";
import { ModelRefusal, quoteName } from "./model-refusal.ts";
import {
  CONSTANT_OUTPUT_ELEMENTS_MAX,
  CONSTANT_OUTPUT_ELEMENTS_TOTAL_MAX,
  EXTERNAL_FILE_BYTES_MAX,
  EXTERNAL_FILES_MAX,
  EXTERNAL_NAME,
  EXTERNAL_TOTAL_BYTES_MAX,
  FUNCTION_DEPTH_MAX,
  LOOP_TRIPS_MAX,
  MICROSOFT_OPERATORS,
  NODES_MAX,
  OPSET_RANGES,
} from "./reader-limits.ts";
import type { ExternalFile, ModelSummary } from "./types.ts";

/** Checks over the whole model, after the walk. Each throws `ModelRefusal` or says nothing. */

/** Every operator set and every operator must be one ONNX Runtime has, or a function the model defines itself. */
export function checkOperators(model: Collected): void {
  const local = new Set(model.functions.map((entry) => operatorKey(entry.domain, entry.name, entry.overload)));
  for (const body of [model.main, ...model.functions]) {
    for (const { domain, version } of body.opsets) checkOpset(domain, version);
    for (const { domain, opType, overload } of body.operators.values()) {
      if (!local.has(operatorKey(domain, opType, overload))) checkOperator(domain, opType);
    }
  }
  if (!model.main.opsets.some(({ domain }) => domain === "")) {
    throw new ModelRefusal("opset_unsupported", "the model does not say which version of the ONNX operator set it uses");
  }
}

function checkOpset(domain: string, version: number): void {
  const range = OPSET_RANGES.get(domain);
  if (range === undefined || (version >= range.min && version <= range.max)) return;
  const name = domain === "" ? "ai.onnx" : domain;
  throw new ModelRefusal(
    "opset_unsupported",
    `the model uses version ${version} of the operator set ${name}; versions ${range.min} to ${range.max} are supported`,
  );
}

function checkOperator(domain: string, opType: string): void {
  if (opType === "") throw new ModelRefusal("malformed", "the file is damaged or not an ONNX model: it holds a node without an operator");
  if (!OPSET_RANGES.has(domain)) {
    throw new ModelRefusal("custom_operator", `uses custom operator ${quoteName(domain)}:${quoteName(opType)}, which only runs with a library of its own`);
  }
  if (domain === "com.microsoft" && !MICROSOFT_OPERATORS.has(opType)) {
    throw new ModelRefusal("operator_not_allowed", `uses the operator com.microsoft:${quoteName(opType)}, which is not allowed on devices`);
  }
}

type Cost = { readonly depth: number; readonly nodes: number };

/** Bounds what the runtime makes of local functions when it unfolds them: depth, recursion and total size. */
export function checkFunctions(model: Collected): void {
  const byKey = new Map<string, LocalFunction>();
  for (const entry of model.functions) {
    const key = operatorKey(entry.domain, entry.name, entry.overload);
    if (byKey.has(key)) throw new ModelRefusal("malformed", `the model defines the function ${quoteName(entry.name)} twice`);
    byKey.set(key, entry);
  }
  const done = new Map<string, Cost>();
  const open = new Set<string>();
  const bodyCost = (body: Body, level: number): Cost => {
    let depth = 0;
    let nodes = 0;
    for (const [key, { count }] of body.operators) {
      const callee = byKey.get(key);
      const cost = callee === undefined ? { depth: 0, nodes: 1 } : callCost(key, callee, level + 1);
      depth = Math.max(depth, cost.depth);
      nodes += count * cost.nodes;
    }
    if (nodes > NODES_MAX) {
      throw new ModelRefusal("too_many_nodes", `the model grows to more than ${NODES_MAX.toLocaleString("en")} nodes when its functions are unfolded`);
    }
    return { depth, nodes };
  };
  const callCost = (key: string, callee: LocalFunction, level: number): Cost => {
    const known = done.get(key);
    if (known !== undefined && level - 1 + known.depth <= FUNCTION_DEPTH_MAX) return known;
    if (open.has(key)) throw new ModelRefusal("function_recursion", `the function ${quoteName(callee.name)} calls itself`);
    if (level > FUNCTION_DEPTH_MAX || known !== undefined) {
      throw new ModelRefusal("function_calls_too_deep", `functions call functions more than ${FUNCTION_DEPTH_MAX} deep`);
    }
    open.add(key);
    const inner = bodyCost(callee, level);
    open.delete(key);
    const cost = { depth: inner.depth + 1, nodes: inner.nodes };
    done.set(key, cost);
    return cost;
  };
  bodyCost(model.main, 0);
  for (const [key, entry] of byKey) callCost(key, entry, 1);
}

/** Refuses nodes that constants alone make enormous or endless. Sizes that depend on inputs are the sandbox's business. */
export function checkAmplifiers(model: Collected): void {
  let total = 0;
  for (const node of model.amplifiers) {
    if (node.opType === "Loop") checkLoop(node);
    const elements = constantOutputElements(node);
    total += elements;
    if (elements > CONSTANT_OUTPUT_ELEMENTS_MAX || total > CONSTANT_OUTPUT_ELEMENTS_TOTAL_MAX) {
      throw new ModelRefusal(
        "computes_too_much",
        `${node.opType}${node.name === "" ? "" : ` "${quoteName(node.name)}"`} makes ${elements} elements out of constants; ` +
          `${CONSTANT_OUTPUT_ELEMENTS_MAX} are allowed, and ${CONSTANT_OUTPUT_ELEMENTS_TOTAL_MAX} in the whole model`,
      );
    }
  }
}

/** A lower bound of the elements the node makes, as far as constants tell; 0 when they do not. */
function constantOutputElements(node: Amplifier): number {
  const input = (index: number) => resolveConstant(node.scope, node.inputs[index] ?? "");
  const product = (values: readonly number[] | null | undefined) => (values ?? [0]).reduce((all, value) => all * Math.max(0, value), 1);
  const single = (values: readonly number[] | null | undefined) => (values?.length === 1 ? (values[0] ?? 0) : 0);
  switch (node.opType) {
    case "ConstantOfShape":
      return product(input(0));
    case "Expand":
    case "Tile":
      return product(input(1));
    case "Range": {
      const [start, limit, delta] = [input(0), input(1), input(2)];
      if (start === null || limit === null) return 0;
      const step = delta === null ? 1 : single(delta);
      return step === 0 ? 0 : Math.max(0, Math.ceil((single(limit) - single(start)) / step));
    }
    case "RandomNormal":
    case "RandomUniform":
      return product(node.attributes.get("shape"));
    case "OneHot":
      return single(input(1));
    case "Resize":
      return Math.max(product(input(3)), product(input(2)));
    case "Upsample":
      return product(input(1));
    case "Pad":
      return Math.max(0, ...(input(1) ?? node.attributes.get("pads") ?? []));
    case "HannWindow":
    case "HammingWindow":
    case "BlackmanWindow":
      return single(input(0));
    case "MelWeightMatrix":
      return single(input(0)) * (single(input(1)) / 2 + 1);
    default:
      return 0;
  }
}

/** A loop whose body never decides to stop is bounded by its trip count alone, so that must exist and be small. */
function checkLoop(node: Amplifier): void {
  const { body } = node;
  if (body === null) return;
  const goesOn = resolveName(body, body.outputNames[0] ?? "");
  const passedThrough = goesOn === body.inputNames[1];
  const alwaysTrue = resolveConstant(body, goesOn)?.[0] === 1;
  if (!passedThrough && !alwaysTrue) return;
  const startsTrue = (node.inputs[1] ?? "") === "" || resolveConstant(node.scope, node.inputs[1] ?? "")?.[0] !== 0;
  if (!startsTrue) return;
  const name = node.name === "" ? "" : ` "${quoteName(node.name)}"`;
  if ((node.inputs[0] ?? "") === "") throw new ModelRefusal("computes_too_much", `Loop${name} never ends: it has no trip count and no way to stop`);
  const trips = resolveConstant(node.scope, node.inputs[0] ?? "")?.[0];
  if (trips !== undefined && trips > LOOP_TRIPS_MAX) {
    throw new ModelRefusal("computes_too_much", `Loop${name} runs ${trips} times; ${LOOP_TRIPS_MAX} are allowed`);
  }
}

/** Identity nodes followed at most this far; a cycle ends here too. */
const ALIASES_FOLLOWED_MAX = 64;

function resolveName(scope: Scope, name: string): string {
  let current = name;
  for (let hop = 0; hop < ALIASES_FOLLOWED_MAX; hop += 1) {
    const next = scope.aliases.get(current);
    if (next === undefined) return current;
    current = next;
  }
  return current;
}

function resolveConstant(scope: Scope, name: string): readonly number[] | null {
  let current = name;
  for (let inner: Scope | null = scope; inner !== null; inner = inner.parent) {
    current = resolveName(inner, current);
    const values = inner.constants.get(current);
    if (values !== undefined) return values;
  }
  return null;
}

/** Every external reference must stay inside a listed file of an acceptable name, and every listed file must be used. */
export function checkExternalFiles(model: Collected, files: readonly ExternalFile[]): ModelSummary["externalFiles"] {
  const listed = listFiles(files);
  const counts = new Map<string, number>();
  for (const { reference, tensor } of model.externals) {
    const { location, offset, length } = reference;
    if (!EXTERNAL_NAME.test(location)) throw refuseLocation(location);
    const file = listed.get(location);
    if (file === undefined) {
      throw new ModelRefusal("external_data_missing", `${tensor} keeps its values in the file ${location}, which was not uploaded with the model`);
    }
    if (offset + length > file.sizeBytes) {
      throw new ModelRefusal(
        "external_data_out_of_range",
        `${tensor} reads bytes ${offset} to ${offset + length} of ${location}, which has only ${file.sizeBytes}`,
      );
    }
    counts.set(location, (counts.get(location) ?? 0) + 1);
  }
  return files.map((file) => {
    const tensorCount = counts.get(file.name);
    if (tensorCount === undefined) throw new ModelRefusal("external_data_unused", `the file ${file.name} was uploaded but the model does not use it`);
    return { name: file.name, sizeBytes: file.sizeBytes, tensorCount };
  });
}

function listFiles(files: readonly ExternalFile[]): ReadonlyMap<string, ExternalFile> {
  if (files.length > EXTERNAL_FILES_MAX) throw new ModelRefusal("external_data_invalid", `more than ${EXTERNAL_FILES_MAX} files beside the model`);
  const listed = new Map<string, ExternalFile>();
  let total = 0;
  for (const file of files) {
    if (!EXTERNAL_NAME.test(file.name)) {
      throw new ModelRefusal("external_data_invalid", `the file name "${quoteName(file.name)}" is not allowed: use letters, digits, dot, dash and underscore`);
    }
    if (listed.has(file.name)) throw new ModelRefusal("external_data_invalid", `the file ${file.name} is listed twice`);
    total += file.sizeBytes;
    if (file.sizeBytes > EXTERNAL_FILE_BYTES_MAX || total > EXTERNAL_TOTAL_BYTES_MAX) {
      throw new ModelRefusal(
        "file_too_large",
        `external data: ${file.name} brings it to ${total} bytes; ${EXTERNAL_FILE_BYTES_MAX} a file and ${EXTERNAL_TOTAL_BYTES_MAX} together are allowed`,
      );
    }
    listed.set(file.name, file);
  }
  return listed;
}

function refuseLocation(location: string): ModelRefusal {
  const outside = /(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[A-Za-z]:|^\.{1,2}$/.test(location);
  if (outside) return new ModelRefusal("external_data_outside", `external data points outside the upload (${quoteName(location)})`);
  return new ModelRefusal("external_data_invalid", `external data has a file name that is not allowed ("${quoteName(location)}")`);
}
