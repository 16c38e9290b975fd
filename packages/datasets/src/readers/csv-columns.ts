import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { DatasetLimits } from "../limits.ts";
import type { DatasetOptions } from "../types.ts";
import { cellNumber } from "./csv-cells.ts";
import { splitOfWord } from "./folder-layout.ts";

/** What each column of a table is for, by index. */
export type ColumnPlan = {
  readonly names: readonly string[];
  readonly features: readonly number[];
  readonly label: number | null;
  readonly group: number | null;
  /** A column called split that says train, validation, test … */
  readonly split: number | null;
};

/** The likeliest first: a table may hold points, whose y is no label. */
const LABEL_NAMES = ["label", "class", "target", "species", "category", "y"];
const SPLIT_NAMES = ["split", "subset", "fold"];

/** Reads the first row; `firstRow` is the one behind it, which tells whether a split column holds splits. Throws DatasetRefusal. */
export function planColumns(header: readonly string[], firstRow: readonly string[] | null, options: DatasetOptions, limits: DatasetLimits): ColumnPlan {
  if (header.length > limits.tableColumns) {
    throw new DatasetRefusal("csv_too_many_columns", `The table has ${header.length.toLocaleString("en-US")} columns; ${limits.tableColumns.toLocaleString("en-US")} are read at most. Is it transposed?`);
  }
  if (header.every((cell) => typeof cellNumber(cell) === "number")) {
    throw new DatasetRefusal("csv_no_header", "The first row holds numbers only. Put the names of the columns there.");
  }
  const names = header.map((cell, at) => cell.trim() || `column ${at + 1}`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new DatasetRefusal("csv_column", `Two columns are called ${quoted(twice)}. Rename one.`);
  const find = (name: string): number => {
    const at = names.indexOf(name);
    if (at < 0) throw new DatasetRefusal("csv_column", `There is no column ${quoted(name)}; there are ${names.slice(0, 20).map(quoted).join(", ")}${names.length > 20 ? " …" : ""}.`);
    return at;
  };
  const ignored = new Set((options.ignoreColumns ?? []).map(find));
  const group = options.groupColumn === undefined ? null : find(options.groupColumn);
  const split = splitColumn(names, firstRow);
  const taken = new Set([...ignored, ...(group === null ? [] : [group]), ...(split === null ? [] : [split])]);
  const label = options.labelColumn === null ? null : options.labelColumn === undefined ? guessLabel(names, taken) : find(options.labelColumn);
  const features = names.map((_, at) => at).filter((at) => !taken.has(at) && at !== label);
  if (features.length === 0) throw new DatasetRefusal("csv_column", "No column is left to learn from. Is the delimiter a comma, semicolon, tab or bar, and the label column right?");
  return { names, features, label, group, split };
}

function splitColumn(names: readonly string[], firstRow: readonly string[] | null): number | null {
  const at = names.findIndex((name) => SPLIT_NAMES.includes(name.toLowerCase()));
  return at >= 0 && splitOfWord((firstRow?.[at] ?? "").trim()) !== null ? at : null;
}

function guessLabel(names: readonly string[], taken: ReadonlySet<number>): number | null {
  const free = names.map((_, at) => at).filter((at) => !taken.has(at));
  const called = LABEL_NAMES.flatMap((name) => free.filter((at) => names[at]?.toLowerCase() === name));
  return called[0] ?? free.at(-1) ?? null;
}
