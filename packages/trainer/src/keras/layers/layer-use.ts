import type { ConfigReader } from "../config-reader.ts";
import type { Hdf5Dataset } from "../files/hdf5-file.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";
import type { KerasValue } from "../emit/keras-value.ts";
import type { NetworkWriter } from "../emit/network-writer.ts";

/** One use of one layer: what its converter knows and writes to. */
export type LayerUse = {
  readonly name: string;
  readonly className: string;
  readonly config: ConfigReader;
  readonly writer: NetworkWriter;
  /** Some activations changed their meaning from Keras 2 to 3. */
  readonly kerasMajor: number;
  readonly weights: readonly Hdf5Dataset[];
};

/** Writes a layer's operators and answers its one output. */
export type LayerConverter = (use: LayerUse, inputs: readonly KerasValue[]) => KerasValue;

/** Dimensions of each weight in Keras' order; null for one that the layer's options leave out. */
type WeightShapes<Role extends string> = Readonly<Record<Role, readonly number[] | null>>;

/** The layer's weights by role, compared with the dimensions they must have before anything is read. What is left out may not be asked for. */
export function takeWeights<Role extends string>(use: LayerUse, shapes: WeightShapes<Role>): Record<Role, () => Float32Array> {
  const wanted = (Object.entries(shapes) as [Role, readonly number[] | null][]).filter((entry): entry is [Role, readonly number[]] => entry[1] !== null);
  if (use.weights.length === 0 && wanted.length > 0) throw new KerasRefusal("keras_weights_missing", `the file has no weights for ${nameOf(use)}`);
  if (use.weights.length !== wanted.length) throw new KerasRefusal("keras_weights_mismatch", `${nameOf(use)} takes ${wanted.length} weights, and the file has ${use.weights.length}`);
  const taken = wanted.map(([role, dims], position) => {
    const found = use.weights[position];
    if (found?.dims.length !== dims.length || found.dims.some((dim, axis) => dim !== dims[axis])) {
      throw new KerasRefusal("keras_weights_mismatch", `the ${role} of ${nameOf(use)} has the shape [${found?.dims.join(", ") ?? ""}] in the file, where [${dims.join(", ")}] is needed`);
    }
    return [role, () => found.read()] as const;
  });
  return Object.fromEntries(taken) as Record<Role, () => Float32Array>;
}

/** The only input of a layer that takes one. */
export function onlyInput(use: LayerUse, inputs: readonly KerasValue[], rank?: number): KerasValue {
  const [input, second] = inputs;
  if (input === undefined || second !== undefined) throw new KerasRefusal("keras_graph_invalid", `${nameOf(use)} takes one input, not ${inputs.length}`);
  if (rank !== undefined && input.shape.length !== rank) throw new KerasRefusal("keras_graph_invalid", `${nameOf(use)} takes values of ${rank} dimensions behind the batch, not of ${input.shape.length}`);
  return input;
}

/** Size of the last axis, which weights depend on. */
export function channelsOf(use: LayerUse, { shape }: KerasValue): number {
  const channels = shape.at(-1);
  if (channels == null) throw new KerasRefusal("keras_graph_invalid", `the last dimension of what ${nameOf(use)} takes is not known`);
  return channels;
}

export function nameOf({ name, className }: Pick<LayerUse, "name" | "className">): string {
  return `layer ${quoted(name)} (${quoted(className).slice(1, -1)})`;
}

/** Elements in another order of axes; `perm` as in ONNX' Transpose. */
export function transposed(values: Float32Array, dims: readonly number[], perm: readonly number[]): Float32Array {
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const [outDims, outStrides] = [perm.map((axis) => dims[axis] ?? 1), perm.map((axis) => strides[axis] ?? 0)];
  const out = new Float32Array(values.length);
  const place = outDims.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to += 1) {
    out[to] = values[from] ?? 0;
    for (let axis = place.length - 1; axis >= 0; axis -= 1) {
      place[axis] = (place[axis] ?? 0) + 1;
      from += outStrides[axis] ?? 0;
      if ((place[axis] ?? 0) < (outDims[axis] ?? 0)) break;
      from -= (outStrides[axis] ?? 0) * (outDims[axis] ?? 0);
      place[axis] = 0;
    }
  }
  return out;
}
