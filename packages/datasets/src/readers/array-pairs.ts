import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { DatasetOptions, Split } from "../types.ts";
import type { ArraySource } from "./array-source.ts";
import { splitOfWord } from "./folder-layout.ts";

/** Examples and their labels, which belong to one split if their names say so. */
export type ArrayPair = { readonly examples: ArraySource; readonly labels: ArraySource | null; readonly split: Split | null };

const EXAMPLE_WORDS = /^(x|data|images?|imgs?|inputs?|features?|samples?)$/;
const LABEL_WORDS = /^(y|labels?|targets?|class|classes)$/;

type Named = { readonly array: ArraySource; readonly key: string; readonly role: "examples" | "labels" | null; readonly split: Split | null };

/** IDX: arrays with one dimension are labels; names that say train, test … make pairs. */
export function pairIdx(arrays: readonly ArraySource[]): ArrayPair[] {
  return pair(
    arrays.map((array) => ({ ...named(array), role: array.shape.length === 1 ? "labels" : "examples" })),
    "idx_pair",
  );
}

/** NPY and NPZ: by key, as the options or the names say; a lone array is examples, of two nameless ones the flat one is labels. */
export function pairNpy(arrays: readonly ArraySource[], options: DatasetOptions): ArrayPair[] {
  const all = arrays.map(named);
  if (options.xKey !== undefined) {
    const find = (key: string): ArraySource => {
      const found = all.find((one) => one.key === key);
      if (!found) throw new DatasetRefusal("npz_keys", `There is no array ${quoted(key)}; there are ${keysOf(all)}.`);
      return found.array;
    };
    return [{ examples: find(options.xKey), labels: options.yKey == null ? null : find(options.yKey), split: null }];
  }
  if (all.some((one) => one.role === "examples")) return pair(all, "npz_keys");
  const [first, second] = all;
  if (first && all.length === 1) return [{ examples: first.array, labels: null, split: null }];
  if (first && second && all.length === 2) {
    const isSecondLabels = second.array.shape.length <= first.array.shape.length;
    return [{ examples: (isSecondLabels ? first : second).array, labels: (isSecondLabels ? second : first).array, split: null }];
  }
  throw new DatasetRefusal("npz_keys", `It is not clear which arrays are examples and which labels: there are ${keysOf(all)}. Say it with xKey and yKey.`);
}

/** The name without folders and ending, and what its words mean. */
function named(array: ArraySource): Named {
  const key = array.file.name.slice(array.file.name.lastIndexOf("/") + 1).replace(/\.npy$/i, "");
  const words = key.toLowerCase().replace(/^([xy])(train|test|val|valid)$/, "$1_$2").split(/[^a-z0-9]+/);
  const split = words.map(splitOfWord).find((found) => found !== null) ?? null;
  const role = words.some((word) => LABEL_WORDS.test(word)) ? "labels" : words.some((word) => EXAMPLE_WORDS.test(word)) ? "examples" : null;
  return { array, key, role, split };
}

function pair(all: readonly Named[], code: "idx_pair" | "npz_keys"): ArrayPair[] {
  const splits = [...new Set(all.filter((one) => one.role === "examples").map((one) => one.split))];
  const unclear = new DatasetRefusal(code, `It is not clear which labels belong to which examples: there are ${keysOf(all)}. Upload one array of examples with one of labels, or put train and test into the names.`);
  if (splits.length === 0) throw unclear;
  return splits.map((split) => {
    const own = (role: "examples" | "labels"): Named[] => all.filter((one) => one.role === role && (one.split === split || splits.length === 1));
    const [examples, ...moreExamples] = own("examples");
    const [labels, ...moreLabels] = own("labels");
    if (!examples || moreExamples.length > 0 || moreLabels.length > 0) throw unclear;
    return { examples: examples.array, labels: labels?.array ?? null, split };
  });
}

function keysOf(all: readonly Named[]): string {
  const keys = all.slice(0, 20).map((one) => `${quoted(one.key)} (${one.array.shape.join("×")})`);
  return keys.join(", ") + (all.length > keys.length ? " …" : "");
}
