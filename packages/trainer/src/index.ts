export type { Augmentation, LossKind, TrainingRecipe } from "./recipe.ts";
export { DEFAULT_RECIPE } from "./recipe.ts";
export { TrainingRefusal } from "./training-refusal.ts";
export { AutodiffRefusal } from "./autodiff/autodiff-refusal.ts";
export type { TrainingPoint } from "./loop/epoch-numbers.ts";
export type { ExampleSource, TrainingExample, TrainingSource } from "./loop/training-source.ts";
export { train } from "./loop/train.ts";
// For whoever judges a model that was trained elsewhere as the trainer judges its own.
export { Mistakes } from "./loop/mistakes.ts";
export { softmax } from "./losses/plain-loss.ts";
export type { TemplateOptions, TrainingTemplate } from "./templates/template.ts";
export { buildTemplate, describeTemplate, listTemplates } from "./templates/template.ts";
export { TemplateRefusal } from "./templates/template-refusal.ts";
export type { KerasFormat, KerasReport } from "./keras/convert-keras.ts";
export { convertKeras } from "./keras/convert-keras.ts";
export { KERAS_REFUSAL_CODES } from "./keras/keras-refusal.ts";
// Files that must be refused, and one that must not, for tests of the door that Keras models come in by.
export { hostileKeras, soundKeras } from "./keras/testing/hostile-keras.ts";
export { buildTrainingStep } from "./step/training-step.ts";
export type { StoppedBy, TrainingContext, TrainingResult } from "./loop/train.ts";
export { quantizeForTraining } from "./qat/quantize-for-training.ts";
export { storeQuantized } from "./qat/store-quantized.ts";
