export type AutodiffRefusalCode = "no_gradient_rule" | "operator_form_unsupported" | "element_type_unsupported" | "shape_unknown" | "nothing_to_train";

/** Why a model cannot be trained as asked. `reason` is a sentence for people that says what to do. */
export class AutodiffRefusal extends Error {
  readonly code: AutodiffRefusalCode;
  readonly reason: string;
  /** The node that is in the way. */
  readonly node: string | null;

  constructor(code: AutodiffRefusalCode, reason: string, node: string | null = null) {
    super(reason);
    this.name = "AutodiffRefusal";
    this.code = code;
    this.reason = reason;
    this.node = node;
  }
}
