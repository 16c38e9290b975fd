/** A dimension behind the batch; null when any size is possible. */
export type Dimension = number | null;

/** Where channels stand: behind the other axes, as Keras counts, or right behind the batch, as ONNX' convolutions take them. */
export type Layout = "last" | "first";

/**
 * A value of the network. `shape` is without the batch, in Keras' order (channels last). `forms` are the ONNX values that hold it; a form that is
 * missing is made by one Transpose when somebody asks for it, so a value is turned at most once and never back.
 */
export type KerasValue = { readonly shape: readonly Dimension[]; readonly forms: { last?: string; first?: string } };
