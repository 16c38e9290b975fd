import type { GraphMath } from "../autodiff/graph-math.ts";
import type { Windows } from "../rules/windows.ts";

type Image = { readonly shape: readonly number[]; readonly out: readonly number[]; readonly windows: Windows };
/** A place of the kernel, and the places of the input and of the output that meet there. */
type Meeting = readonly [tap: number, from: number, to: number];

/** What meets along one axis of the image, counted from the first spatial one. */
export function meetingsOnAxis({ shape, out, windows: { kernel, strides, dilations, before } }: Image, axis: number): Meeting[] {
  const [length, outLength, size] = [shape[axis + 2] ?? 1, out[axis + 2] ?? 1, kernel[axis] ?? 1];
  const all = Array.from({ length: outLength * size }, (_, i): Meeting => {
    const [to, tap] = [Math.floor(i / size), i % size];
    return [tap, to * (strides[axis] ?? 1) + tap * (dilations[axis] ?? 1) - (before[axis] ?? 0), to];
  });
  return all.filter(([, from]) => from >= 0 && from < length);
}

/** What meets in an image of two axes, row by row. */
export function meetings(image: Image): Meeting[] {
  const [, , , width = 1] = image.shape;
  const [, , , columns = 1] = image.out;
  const [, wide = 1] = image.windows.kernel;
  const across = meetingsOnAxis(image, 1);
  return meetingsOnAxis(image, 0).flatMap(([tap, from, to]) => across.map(([right, fromRight, toRight]): Meeting => [tap * wide + right, from * width + fromRight, to * columns + toRight]));
}

/** A matrix that is 1 at these places (counted row by row) and 0 elsewhere. */
export function marks(math: GraphMath, [rows, columns]: readonly [number, number], places: readonly number[]): string {
  const values = Array.from({ length: rows * columns }, () => 0);
  for (const place of places) values[place] = 1;
  return math.builder.floats(values, [rows, columns]);
}
