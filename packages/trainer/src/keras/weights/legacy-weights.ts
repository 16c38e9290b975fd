import type { Hdf5Dataset, Hdf5File } from "../files/hdf5-file.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";
import type { WeightSource } from "./weight-source.ts";

const ROOT = "/model_weights";

/**
 * Weights of a `.h5` file (Keras 1 and 2, and what Keras 3 still writes): a group per layer of the outermost network, whose attribute
 * `weight_names` has the paths of its datasets. A nested network is one layer there; what belongs to a layer in it has that layer's name
 * in its path.
 */
export function legacyWeights(file: Hdf5File): WeightSource {
  const lists = new Map<string, readonly string[]>();
  return {
    weightsOf(path) {
      const group = `${ROOT}/${path[0]?.name ?? ""}`;
      // Read once for all layers of a nested network.
      const names = lists.get(group) ?? file.texts(group, "weight_names") ?? [];
      lists.set(group, names);
      const own = path.slice(1).reduce<readonly string[]>((left, { name }) => left.filter((weight) => weight.split("/").slice(0, -1).includes(name)), names);
      return own.map((name) => datasetOf(file, group, name));
    },
  };
}

function datasetOf(file: Hdf5File, group: string, name: string): Hdf5Dataset {
  const dataset = file.dataset(`${group}/${name}`);
  if (dataset === null) throw new KerasRefusal("keras_weights_missing", `the weights ${quoted(name)} are not in the file`);
  return dataset;
}
