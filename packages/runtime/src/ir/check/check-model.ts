import { quoteName } from "../../model-refusal.ts";
import { IR_VERSION_MAX, IR_VERSION_MIN, OPSET_RANGES } from "../../reader-limits.ts";
import type { OnnxFunction, OnnxModel, OnnxOpset } from "../types.ts";
import { checkGraph, checkNodes, checkOutputs } from "./check-graph.ts";
import { checkQuantization } from "./check-quantization.ts";
import type { ModelProblem } from "./model-problem.ts";
import { ProblemList } from "./model-problem.ts";

/**
 * Looks for what makes a model unsound: values made twice, too late or never, unknown domains and versions, tensors whose
 * bytes contradict their shape, attributes of the wrong type, and hazards of quantised graphs. Empty: nothing found. At most
 * 200 problems, in the order of the model. It does not know the signatures of operators; the runtime checks those.
 */
export function checkModel(model: OnnxModel): ModelProblem[] {
  const problems = new ProblemList();
  if (model.irVersion < IR_VERSION_MIN || model.irVersion > IR_VERSION_MAX) {
    problems.add("error", "ir_version", `the model has IR version ${model.irVersion}; ${IR_VERSION_MIN} to ${IR_VERSION_MAX} are supported`);
  }
  const domains = checkOpsets(model.opsets, "the model", problems);
  if (!domains.has("") && usesStandardOperators(model)) {
    problems.add("error", "opset_missing", "the model does not say which standard operators it uses");
    domains.add("");
  }
  checkGraph(model.graph, null, domains, problems);
  const names = new Set<string>();
  for (const body of model.functions) {
    const key = JSON.stringify([body.domain, body.name, body.overload]);
    if (names.has(key)) problems.add("error", "function_twice", `the function "${quoteName(body.name)}" is defined twice`);
    names.add(key);
    checkFunction(body, domains, problems);
  }
  checkQuantization(model.graph, problems);
  return problems.found;
}

function usesStandardOperators(model: OnnxModel): boolean {
  return model.graph.nodes.some(({ domain }) => domain === "");
}

function checkOpsets(opsets: readonly OnnxOpset[], owner: string, problems: ProblemList): Set<string> {
  const domains = new Set<string>();
  for (const { domain, version } of opsets) {
    const label = domain === "" ? "ai.onnx" : quoteName(domain);
    if (domains.has(domain)) problems.add("error", "opset_twice", `${owner} imports ${label} twice`);
    domains.add(domain);
    const range = OPSET_RANGES.get(domain);
    if (range !== undefined && (version < range.min || version > range.max)) {
      problems.add("error", "opset_version", `${owner} uses version ${version} of ${label}; ${range.min} to ${range.max} are supported`);
    }
  }
  return domains;
}

/** A function sees its inputs only; without opsets of its own it has those of the model. */
function checkFunction(body: OnnxFunction, modelDomains: ReadonlySet<string>, problems: ProblemList): void {
  const own = checkOpsets(body.opsets, `the function "${quoteName(body.name)}"`, problems);
  const scope = { parent: null, names: new Set(body.inputs) };
  checkNodes(body.nodes, scope, own.size === 0 ? modelDomains : own, problems);
  checkOutputs(body.outputs, scope, problems);
}
