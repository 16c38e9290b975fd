import type { DatasetRefusalCode } from "../dataset-refusal.ts";
import type { DatasetLimits } from "../limits.ts";
import type { DatasetOptions } from "../types.ts";
import { hostileArchives } from "./hostile-archives.ts";
import { hostileArrays } from "./hostile-arrays.ts";
import { hostileTables } from "./hostile-tables.ts";
import { hostileMedia } from "./hostile-media.ts";

/** An upload somebody might try, with what must be said about it. Generated, so that the repository holds no hostile binary. */
export type HostileDataset = {
  readonly name: string;
  readonly fileName: string;
  readonly bytes: Uint8Array;
  readonly companions?: readonly { readonly fileName: string; readonly bytes: Uint8Array }[];
  readonly options?: DatasetOptions;
  /** Narrowed, where the true bound would take gigabytes to reach. */
  readonly limits?: Partial<DatasetLimits>;
  readonly refusal: DatasetRefusalCode;
  /** A part of the sentence the user reads. */
  readonly says: string | RegExp;
};

/** Everything that must be refused. */
export function hostileDatasets(): HostileDataset[] {
  return [...hostileArchives(), ...hostileMedia(), ...hostileArrays(), ...hostileTables()];
}
