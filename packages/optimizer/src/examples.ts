import type { Tensors } from "@flotilla/runtime";

/** One example as the model takes it: ready-made input tensors, and the class it belongs to where that is known. */
export type Example = { readonly feeds: Tensors; readonly label: number | null };

/**
 * Where examples come from. Read one at a time, in any order and more than once; reading an index again gives the same example, else
 * the same recipe would not give the same bytes.
 */
export type ExampleSource = {
  readonly count: number;
  /** `index` from 0 to `count` - 1. */
  read(index: number): Promise<Example>;
};
