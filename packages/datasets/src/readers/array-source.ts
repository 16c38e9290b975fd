import type { SourceFile } from "../source/source-file.ts";
import type { NumberType } from "./number-type.ts";

/** Text labels of a NumPy array: fixed width, padded with zeros. */
export type TextType = { readonly kind: "text"; readonly bytes: number; readonly isUtf32: boolean; readonly isLittleEndian: boolean };

/** An array in a file whose header has been read and checked against the limits. */
export type ArraySource = {
  readonly file: SourceFile;
  readonly format: "idx" | "npy";
  readonly type: NumberType | TextType;
  /** Dimensions, the first counts the examples. */
  readonly shape: readonly number[];
  readonly dataOffset: number;
  /** Columns first, as Fortran lays them; only with two or more dimensions. */
  readonly isFortran: boolean;
};

/** Elements of one example. */
export function rowElements(array: ArraySource): number {
  return array.shape.slice(1).reduce((product, dimension) => product * dimension, 1);
}

export function rowBytes(array: ArraySource): number {
  return rowElements(array) * array.type.bytes;
}
