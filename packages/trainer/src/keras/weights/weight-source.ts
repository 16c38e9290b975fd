import type { Hdf5Dataset } from "../files/hdf5-file.ts";
import type { LayerEntry } from "../architecture/architecture.ts";

/** A layer inside of the networks it is nested in, outermost first. */
type LayerPath = readonly LayerEntry[];

/** Where the weights of layers lie. They come in the order in which Keras made them, which is how it finds them again; unread. */
export type WeightSource = { weightsOf(path: LayerPath): readonly Hdf5Dataset[] };

/** No layer of ours has more; RNNs in both directions have six. */
export const WEIGHTS_PER_LAYER_MAX = 64;
