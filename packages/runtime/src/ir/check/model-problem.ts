/** What `checkModel` can find. Closed list: callers may branch on it. */
export type ProblemCode =
  | "ir_version"
  | "opset_missing"
  | "opset_twice"
  | "opset_version"
  | "domain_unknown"
  | "operator_nameless"
  | "node_without_outputs"
  | "node_name_twice"
  | "value_made_twice"
  | "value_undefined"
  | "value_read_too_early"
  | "output_missing"
  | "output_twice"
  | "tensor_nameless"
  | "tensor_type"
  | "tensor_size"
  | "attribute_twice"
  | "attribute_type"
  | "function_twice"
  | "scale_count"
  | "weight_axis"
  | "bias_scale";

/**
 * One thing wrong with a model. "error": the runtime refuses the model or may misread it. "hazard": it runs, but not as it
 * was meant (a weight scaled along the wrong axis) or not as quickly (a bias scale that keeps a convolution in float).
 */
export type ModelProblem = {
  readonly code: ProblemCode;
  readonly severity: "error" | "hazard";
  /** One sentence that names the thing at fault. */
  readonly reason: string;
  /** Name of the node at fault, or of its first output when it has none; null when no node is. */
  readonly node: string | null;
};

/** Collects problems up to a bound: a broken model has the same fault a thousand times. */
export class ProblemList {
  readonly found: ModelProblem[] = [];

  add(severity: ModelProblem["severity"], code: ProblemCode, reason: string, node: string | null = null): void {
    if (this.found.length < PROBLEMS_MAX) this.found.push({ code, severity, reason, node });
  }
}

const PROBLEMS_MAX = 200;
