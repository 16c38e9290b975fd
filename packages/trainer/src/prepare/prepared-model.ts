import type { OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import type { StaticType } from "../graph/static-type.ts";

/** A float32 tensor that training changes: a weight, or a running statistic. */
export type TrainedTensor = { readonly name: string; readonly dims: readonly number[]; readonly values: Float32Array };

/** A model as gradients are taken of it: one batch size, every type known, shape arithmetic done, operators of opset 20. */
export type PreparedModel = {
  /** Producers before consumers. */
  readonly nodes: readonly OnnxNode[];
  /** Of every value. */
  readonly types: ReadonlyMap<string, StaticType>;
  /** Values that stay as they are. */
  readonly constants: ReadonlyMap<string, OnnxTensor>;
  readonly parameters: readonly TrainedTensor[];
  /** Running statistics of BatchNormalization. */
  readonly buffers: readonly TrainedTensor[];
  readonly inputs: readonly { readonly name: string; readonly type: StaticType }[];
  readonly outputs: readonly string[];
};
