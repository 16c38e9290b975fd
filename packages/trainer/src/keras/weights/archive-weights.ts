import type { LayerEntry } from "../architecture/architecture.ts";
import type { Hdf5Dataset, Hdf5File } from "../files/hdf5-file.ts";
import { WEIGHTS_PER_LAYER_MAX, type WeightSource } from "./weight-source.ts";

/** What the list of layers was called over time (Keras 3; Keras 2.12). */
const LISTS = ["layers", "_layer_checkpoint_dependencies"];
/** Where a layer keeps variables: its own, those of the cell it repeats, those of the layers it runs in both directions. */
const HOLDERS = ["", "/cell", "/forward_layer", "/forward_layer/cell", "/backward_layer", "/backward_layer/cell"];

/** Weights of a `.keras` archive: `layers/<class>[_n]/vars/0 …`, networks nested in the same way. */
export function archiveWeights(file: Hdf5File): WeightSource {
  return {
    weightsOf(path) {
      const group = path.reduce<string | null>((parent, layer) => (parent === null ? null : groupOf(file, parent, layer)), "");
      return group === null ? [] : HOLDERS.flatMap((holder) => variablesIn(file, `${group}${holder}/vars`));
    },
  };
}

function groupOf(file: Hdf5File, parent: string, { className, positionInClass }: LayerEntry): string | null {
  const name = positionInClass === 0 ? snakeCase(className) : `${snakeCase(className)}_${positionInClass}`;
  return LISTS.map((list) => `${parent}/${list}/${name}`).find((path) => file.hasGroup(path)) ?? null;
}

function variablesIn(file: Hdf5File, group: string): Hdf5Dataset[] {
  const variables: Hdf5Dataset[] = [];
  if (!file.hasGroup(group)) return variables;
  while (variables.length < WEIGHTS_PER_LAYER_MAX) {
    const variable = file.dataset(`${group}/${variables.length}`);
    if (variable === null) break;
    variables.push(variable);
  }
  return variables;
}

/** As Keras turns class names into names: "DepthwiseConv2D" → "depthwise_conv2d", "ReLU" → "re_lu". */
function snakeCase(className: string): string {
  return className
    .replaceAll(/\W+/g, "")
    .replaceAll(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}
