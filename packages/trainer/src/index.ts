export type { StaticType } from "./graph/static-type.ts";
export { GraphBuilder } from "./graph/graph-builder.ts";
export type { KerasFormat, KerasReport } from "./keras/convert-keras.ts";
export { convertKeras } from "./keras/convert-keras.ts";
export { KERAS_REFUSAL_CODES } from "./keras/keras-refusal.ts";
// Files that must be refused, and one that must not, for tests of the door that Keras models come in by.
export { hostileKeras, soundKeras } from "./keras/testing/hostile-keras.ts";
