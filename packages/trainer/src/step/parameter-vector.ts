import type { TrainedTensor } from "../prepare/prepared-model.ts";

/** Where a tensor lies in the vector of all parameters. */
export type VectorPart = { readonly name: string; readonly dims: readonly number[]; readonly offset: number; readonly length: number };

/** Parameters one behind the other: an optimizer's step is then a few passes over one vector, however many layers there are. */
export function partsOf(tensors: readonly TrainedTensor[]): VectorPart[] {
  let offset = 0;
  return tensors.map(({ name, dims, values }) => {
    const part = { name, dims, offset, length: values.length };
    offset += values.length;
    return part;
  });
}

export function vectorOf(tensors: readonly TrainedTensor[]): Float32Array {
  const vector = new Float32Array(tensors.reduce((sum, { values }) => sum + values.length, 0));
  let offset = 0;
  for (const { values } of tensors) {
    vector.set(values, offset);
    offset += values.length;
  }
  return vector;
}

/**
 * 1 where weight decay applies: tensors of two dimensions and more. Biases and the scales of norms have one, and pulling them to zero costs accuracy
 * (He et al. 2019, "Bag of tricks", 3.1).
 */
export function decaysOf(parts: readonly VectorPart[]): Float32Array {
  const decays = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  for (const { dims, offset, length } of parts) if (dims.length > 1) decays.fill(1, offset, offset + length);
  return decays;
}
