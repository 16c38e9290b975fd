import { DatasetRefusal } from "../dataset-refusal.ts";
import type { Dataset, Example, Split } from "../types.ts";
import { drawExample, drawWave } from "./draw-example.ts";
import { Canvas, type Picture } from "./picture.ts";

export type PreviewOptions = {
  readonly split?: Split;
  readonly perRow?: number;
  /** Classes beyond it are not shown; see `rows`. */
  readonly mostRows?: number;
  readonly cellSide?: number;
  readonly gap?: number;
  readonly format?: "png" | "webp";
};

/** A contact sheet and what stands where, so that a page can put names beside it. Row r begins at y = r × (cellSide + gap). */
export type PreviewGrid = Picture & {
  readonly cellSide: number;
  readonly gap: number;
  readonly rows: readonly { readonly className: string | null; readonly cells: readonly { readonly index: number; readonly id: string }[] }[];
};

const MOST_SIDE = 8_192;

/** One row per class, a few examples of each, spread evenly over the split; without classes, rows of what there is. */
export async function previewGrid(dataset: Dataset, options: PreviewOptions = {}): Promise<PreviewGrid> {
  const { split = "train", perRow = 8, mostRows = 40, cellSide = 56, gap = 4, format = "webp" } = options;
  const chosen = await chooseRows(dataset, split, perRow, mostRows);
  const pitch = cellSide + gap;
  const [width, height] = [perRow * pitch - gap, Math.max(1, chosen.length) * pitch - gap];
  if (![perRow, mostRows, cellSide, width, height].every((value) => Number.isInteger(value) && value >= 1 && value <= MOST_SIDE) || gap < 0) {
    throw new DatasetRefusal("options_invalid", `A preview may be ${MOST_SIDE} pixels wide and high. Choose fewer or smaller cells.`);
  }
  const canvas = new Canvas(width, height);
  const rows: PreviewGrid["rows"][number][] = [];
  for (const [row, { className, indices }] of chosen.entries()) {
    const examples = await Promise.all(indices.map((index) => dataset.read(split, index)));
    for (const [column, example] of examples.entries()) drawExample(canvas, example, column * pitch, row * pitch, cellSide);
    rows.push({ className, cells: examples.map((example: Example, column) => ({ index: indices[column] ?? 0, id: example.id })) });
  }
  return { ...(await canvas.encode(format)), cellSide, gap, rows };
}

type Row = { readonly className: string | null; readonly indices: readonly number[] };

async function chooseRows(dataset: Dataset, split: Split, perRow: number, mostRows: number): Promise<Row[]> {
  const { classes, task } = dataset.header;
  const count = dataset.count(split);
  if (task !== "classification") {
    const shown = spread(Array.from({ length: count }, (_, at) => at), perRow * Math.min(8, mostRows));
    return Array.from({ length: Math.ceil(shown.length / perRow) }, (_, row) => ({ className: null, indices: shown.slice(row * perRow, (row + 1) * perRow) }));
  }
  const byClass = classes.slice(0, mostRows).map((): number[] => []);
  for (const [index, label] of (await dataset.labels(split)).entries()) byClass[label]?.push(index);
  return byClass.map((indices, at) => ({ className: classes[at] ?? null, indices: spread(indices, perRow) }));
}

/** `count` of the values, evenly spaced from the first on. */
function spread(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, at) => values[Math.floor((at * values.length) / count)] ?? 0);
}

/** The wave of one sound (or a row of numbers) as a picture. */
export function waveformPicture(values: ArrayLike<number>, options: { readonly width?: number; readonly height?: number; readonly format?: "png" | "webp" } = {}): Promise<Picture> {
  const { width = 320, height = 64, format = "webp" } = options;
  const canvas = new Canvas(width, height);
  drawWave(canvas, values, 0, 0, width, height);
  return canvas.encode(format);
}

/** One example as a small square picture. */
export async function examplePicture(example: Example, side: number): Promise<Picture> {
  const canvas = new Canvas(side, side);
  drawExample(canvas, example, 0, 0, side);
  return canvas.encode("webp");
}
