/** Why a Keras file is not accepted. Closed list: callers may branch on it, store it and translate it. */
export const KERAS_REFUSAL_CODES = [
  // the file
  "keras_archive_damaged",
  "keras_archive_encrypted",
  "keras_archive_bomb",
  "keras_archive_incomplete",
  "keras_hdf5_damaged",
  "keras_no_model",
  // its description of the network
  "keras_config_invalid",
  "keras_graph_invalid",
  "keras_graph_cyclic",
  "keras_too_many_layers",
  "keras_too_large",
  // what it asks for
  "keras_lambda_layer",
  "keras_custom_layer",
  "keras_layer_unsupported",
  "keras_option_unsupported",
  "keras_dtype_unsupported",
  // its weights
  "keras_weights_missing",
  "keras_weights_mismatch",
] as const;

export type KerasRefusalCode = (typeof KERAS_REFUSAL_CODES)[number];

/** An expected refusal. `reason` is a clause for people in lower case that names the thing at fault; it never holds a path of the server. */
export class KerasRefusal extends Error {
  readonly code: KerasRefusalCode;
  readonly reason: string;

  constructor(code: KerasRefusalCode, reason: string, options?: { readonly cause?: unknown }) {
    super(reason, options);
    this.name = "KerasRefusal";
    this.code = code;
    this.reason = reason;
  }
}

/** Longest piece of a hostile name that is repeated in a reason. */
const QUOTED_CHARACTERS = 80;

/** Makes a name out of a file fit for a sentence: control characters and surrogates replaced, length bounded, in quotes. */
export function quoted(name: string): string {
  const clean = name.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "\uFFFD");
  return `"${clean.length > QUOTED_CHARACTERS ? `${clean.slice(0, QUOTED_CHARACTERS)}…` : clean}"`;
}
