import { ACTIVATION_LAYERS } from "./activations.ts";
import { CONVOLUTION_LAYERS } from "./convolutions.ts";
import { DENSE_LAYERS } from "./dense.ts";
import { onlyInput, type LayerConverter } from "./layer-use.ts";
import { MERGING_LAYERS } from "./merging.ts";
import { NORMALIZING_LAYERS } from "./normalizing.ts";
import { POOLING_LAYERS } from "./pooling.ts";
import { RECURRENT_LAYERS } from "./recurrent.ts";
import { RESHAPING_LAYERS } from "./reshaping.ts";

/** Layers that do something in training only, whatever their options. */
export const TRAINING_ONLY: ReadonlySet<string> = new Set([
  "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization",
  "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
]);

/** Every layer that is converted, by its class name. */
export const LAYERS: ReadonlyMap<string, LayerConverter> = new Map<string, LayerConverter>([
  ...Object.entries({
    ...ACTIVATION_LAYERS, ...CONVOLUTION_LAYERS, ...DENSE_LAYERS, ...MERGING_LAYERS, ...NORMALIZING_LAYERS, ...POOLING_LAYERS, ...RECURRENT_LAYERS, ...RESHAPING_LAYERS,
  }),
  ...[...TRAINING_ONLY].map((className) => [className, (use, inputs) => onlyInput(use, inputs)] as [string, LayerConverter]),
]);
