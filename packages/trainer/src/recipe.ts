export type LossKind = "cross_entropy" | "binary_cross_entropy" | "mean_squared_error" | "mean_absolute_error" | "huber" | "triplet";

/** How examples are changed each time they are seen. Shares are of the side or of the range of values; 0 everywhere: not at all. */
export type Augmentation = {
  readonly shift: number;
  readonly rotateDegrees: number;
  readonly scale: number;
  readonly flip: boolean;
  /** So many pixels are put around an image, and one of its old size is cut out of that anywhere (He et al. 2016, 4.2). Left out: 0. */
  readonly cropPixels?: number;
  readonly brightness: number;
  readonly contrast: number;
  readonly noise: number;
  /** α of the Beta distribution that pairs are blended by (Zhang et al. 2018). */
  readonly mixup: number;
};

/** Everything that decides a training, with the bytes of model and dataset: the same recipe gives the same weights on the same kind of machine. */
export type TrainingRecipe = {
  readonly loss: LossKind;
  /** With another model to learn from, which the training is handed: how flat the answers of both are made, and the share that the labels have of the loss. */
  readonly distillation?: { readonly temperature: number; readonly hardShare: number };
  /** Share of the target that is spread over all classes (Szegedy et al. 2016). */
  readonly labelSmoothing: number;
  /** "balanced": rare classes weigh as much as frequent ones. */
  readonly classWeights: "none" | "balanced";
  readonly optimizer: { readonly kind: "adam" | "adamw" | "sgd"; readonly learningRate: number; readonly weightDecay: number; readonly momentum: number; readonly nesterov: boolean };
  readonly schedule: { readonly kind: "constant" | "step" | "cosine"; readonly warmupEpochs: number };
  readonly batchSize: number;
  /** Batches whose gradients are added up before a step is taken. */
  readonly accumulation: number;
  /** Whichever is said; the first that is reached. */
  readonly budget: { readonly epochs: number | null; readonly minutes: number | null };
  /** Longest gradient (Pascanu, Mikolov and Bengio 2013). */
  readonly clipNorm: number | null;
  /** Of the moving average of the weights, which then is what is kept. */
  readonly emaDecay: number | null;
  /** Epochs without a better one after which it stops. */
  readonly patienceEpochs: number | null;
  /** Initializers that stay as they are: names, "*" for any part. */
  readonly freeze: readonly string[];
  readonly augmentation: Augmentation;
  readonly seed: number;
};

export const NO_AUGMENTATION: Augmentation = { shift: 0, rotateDegrees: 0, scale: 0, flip: false, brightness: 0, contrast: 0, noise: 0, mixup: 0 };

/** Good values to begin with. */
export const DEFAULT_RECIPE: TrainingRecipe = {
  loss: "cross_entropy",
  labelSmoothing: 0,
  classWeights: "none",
  optimizer: { kind: "adam", learningRate: 0.001, weightDecay: 0, momentum: 0.9, nesterov: false },
  schedule: { kind: "cosine", warmupEpochs: 0 },
  batchSize: 32,
  accumulation: 1,
  budget: { epochs: 10, minutes: null },
  clipNorm: null,
  emaDecay: null,
  patienceEpochs: 5,
  freeze: [],
  augmentation: NO_AUGMENTATION,
  seed: 1,
};
