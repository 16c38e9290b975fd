import type { Tensors } from "@flotilla/runtime";

/** One example as the model takes it, of batch size 1; and its class, or what is to be predicted. */
export type TrainingExample = { readonly feeds: Tensors; readonly label: number | null; readonly target?: readonly number[] };

/** Examples in any order and more than once; reading an index again gives the same one. */
export type ExampleSource = { readonly count: number; read(index: number): Promise<TrainingExample> };

export type TrainingSource = { readonly train: ExampleSource; /** Null: nobody sees when it begins to learn by heart. */ readonly validation: ExampleSource | null };
