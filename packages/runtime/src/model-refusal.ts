/** Why a model (or a golden set) is not accepted. Closed list: callers may branch on it, store it and translate it. */
export const REFUSAL_CODES = [
  // the file is something else, or damaged
  "empty_file",
  "not_onnx",
  "html_page",
  "keras_hdf5",
  "keras_archive",
  "pytorch_archive",
  "pickle",
  "zip_archive",
  "ort_format",
  "tflite",
  "truncated",
  "malformed",
  // too much of something
  "file_too_large",
  "nesting_too_deep",
  "too_many_fields",
  "too_many_nodes",
  "too_many_initializers",
  "too_many_functions",
  "function_calls_too_deep",
  "function_recursion",
  "subgraphs_too_deep",
  "tensor_too_large",
  "string_too_long",
  "computes_too_much",
  // a tensor that contradicts itself
  "negative_dimension",
  "tensor_size_mismatch",
  // what the model asks for
  "ir_version_unsupported",
  "opset_unsupported",
  "custom_operator",
  "operator_not_allowed",
  "element_type_unsupported",
  // files beside the model
  "external_data_outside",
  "external_data_missing",
  "external_data_unused",
  "external_data_out_of_range",
  "external_data_invalid",
  // ONNX Runtime itself
  "load_failed",
  "run_failed",
  // golden sets
  "golden_set_invalid",
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** An expected refusal. `reason` is one sentence for people that names the thing at fault; it never holds a path of the server. */
export class ModelRefusal extends Error {
  readonly code: RefusalCode;
  readonly reason: string;

  constructor(code: RefusalCode, reason: string, options?: { readonly cause?: unknown }) {
    super(reason, options);
    this.name = "ModelRefusal";
    this.code = code;
    this.reason = reason;
  }
}

/** Longest piece of a hostile name that is repeated in a reason. */
const QUOTED_CHARACTERS = 80;

/** Makes a name out of a file fit for a sentence: control characters and surrogates replaced, length bounded. */
export function quoteName(name: string): string {
  const clean = name.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "\uFFFD");
  return clean.length > QUOTED_CHARACTERS ? `${clean.slice(0, QUOTED_CHARACTERS)}…` : clean;
}
