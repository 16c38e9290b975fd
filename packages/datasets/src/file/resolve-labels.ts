import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { DatasetLimits } from "../limits.ts";
import type { DatasetHeader, DatasetOptions } from "../types.ts";
import type { ExampleColumns } from "./example-columns.ts";

export type ResolvedLabels = {
  readonly task: DatasetHeader["task"];
  readonly classes: readonly string[];
  /** Class index or number, NaN without one. */
  readonly values: Float64Array;
};

/** Numbers count as classes while there are at most so many of them. */
const MOST_NUMBER_CLASSES = 1_000;

/** Decides, once all labels are known, whether they are classes and in which order. */
export function resolveLabels(columns: ExampleColumns, options: DatasetOptions, limits: DatasetLimits, areWholeLabelsClasses = false): ResolvedLabels {
  const numbers = distinctNumbers(columns, limits);
  const texts = columns.labelTexts;
  if (texts.length === 0 && numbers?.size === 0) return { task: "unlabelled", classes: [], values: new Float64Array(columns.count).fill(Number.NaN) };
  const wanted = options.task ?? "auto";
  const areClasses = texts.length > 0 || wanted === "classification" || (wanted === "auto" && numbers !== null && lookLikeClasses(numbers, columns.count, areWholeLabelsClasses));
  if (!areClasses) return { task: "regression", classes: [], values: columns.labelNumber.slice(0, columns.count) };
  if (wanted === "regression") throw new DatasetRefusal("labels_unusable", `A number is to be predicted, but ${quoted(texts[0] ?? "")} is none. Choose another label column, or classification.`);
  if (numbers === null) throw new DatasetRefusal("too_many_classes", `The labels have more than ${limits.classes.toLocaleString("en-US")} different values. Choose regression, or another label column.`);
  const found = [...texts, ...[...numbers].map(String).filter((name) => !texts.includes(name))];
  const classes = options.classes ? chosenOrder(options.classes, found) : naturalOrder(found);
  return { task: "classification", classes, values: classIndices(columns, classes) };
}

/** Null when there are too many to be classes. */
function distinctNumbers(columns: ExampleColumns, limits: DatasetLimits): ReadonlySet<number> | null {
  const found = new Set<number>();
  for (let at = 0; at < columns.count; at += 1) {
    const value = columns.labelNumber[at] ?? Number.NaN;
    // -0 and 0 are one class.
    if (!Number.isNaN(value)) found.add(value + 0);
    if (found.size > limits.classes) return null;
  }
  return found;
}

function lookLikeClasses(numbers: ReadonlySet<number>, examples: number, areWholeLabelsClasses: boolean): boolean {
  if (numbers.size > MOST_NUMBER_CLASSES) return false;
  if (areWholeLabelsClasses) return true;
  return numbers.size <= Math.max(2, examples / 2) && [...numbers].every((value) => Number.isInteger(value) && value >= 0);
}

function chosenOrder(chosen: readonly string[], found: readonly string[]): readonly string[] {
  const known = new Set(chosen);
  if (known.size !== chosen.length) throw new DatasetRefusal("options_invalid", "The list of classes names one twice.");
  if (found.every((name) => known.has(name))) return chosen;
  // Names for the numbers 0, 1, 2 …
  const areIndices = found.every((name) => /^\d+$/.test(name) && Number(name) < chosen.length);
  if (areIndices) return chosen;
  throw new DatasetRefusal("options_invalid", `The data has the class ${quoted(found.find((name) => !known.has(name)) ?? "")}, which the list of classes does not name.`);
}

/** Whole numbers by value, and the missing ones between 0 and the largest with them when at least half is there; else by code unit. */
function naturalOrder(found: readonly string[]): readonly string[] {
  const areNumbers = found.every((name) => /^(0|[1-9]\d{0,8})$/.test(name));
  if (!areNumbers) return found.toSorted();
  const values = found.map(Number).toSorted((one, other) => one - other);
  const largest = values.at(-1) ?? 0;
  if (largest + 1 <= 2 * values.length) return Array.from({ length: largest + 1 }, (_, value) => String(value));
  return values.map(String);
}

function classIndices(columns: ExampleColumns, classes: readonly string[]): Float64Array {
  const index = new Map(classes.map((name, at) => [name, at]));
  const ofText = columns.labelTexts.map((text) => index.get(text) ?? Number(text));
  return Float64Array.from({ length: columns.count }, (_, at) => {
    const text = columns.labelText[at] ?? 0;
    if (text > 0) return ofText[text - 1] ?? Number.NaN;
    const value = columns.labelNumber[at] ?? Number.NaN;
    return Number.isNaN(value) ? Number.NaN : (index.get(String(value + 0)) ?? value);
  });
}
