import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { RawDataset, RawExample } from "../raw-example.ts";
import type { SourceFile } from "../source/source-file.ts";
import { CELL_ADVICE, cellNumber } from "./csv-cells.ts";
import { type ColumnPlan, planColumns } from "./csv-columns.ts";
import { csvText, guessDelimiter } from "./csv-text.ts";
import { splitOfWord } from "./folder-layout.ts";
import type { ReaderContext } from "./reader-context.ts";

type Row = { readonly record: readonly string[]; readonly info: { readonly lines: number } };

/** A table with a header row: numbers to learn from, one column to predict, text or number. */
export async function readCsv(file: SourceFile, context: ReaderContext): Promise<RawDataset> {
  const rows = csvRows(file, context);
  const iterator = rows[Symbol.asyncIterator]();
  const header = await iterator.next();
  if (header.done === true) throw new DatasetRefusal("no_examples", `${quoted(file.name)} is empty.`);
  const first = await iterator.next();
  const plan = planColumns(header.value.record, first.done === true ? null : first.value.record, context.options, context.limits);
  return {
    format: "csv",
    kind: "table",
    elementType: "float32",
    shape: [plan.features.length],
    features: plan.features.map((at) => plan.names[at] ?? ""),
    sampleRateHz: null,
    examples: examplesOf(first.done === true ? null : first.value, iterator, plan, context),
  };
}

async function* csvRows(file: SourceFile, { limits }: ReaderContext): AsyncIterable<Row> {
  const text = csvText(file)[Symbol.asyncIterator]();
  const beginning = await text.next();
  const start = beginning.done === true ? "" : beginning.value;
  const rest = { [Symbol.asyncIterator]: () => text };
  const pieces = async function* (): AsyncIterable<string> {
    yield start;
    yield* rest;
  };
  const parser = parse({ delimiter: guessDelimiter(start), relax_column_count: true, skip_empty_lines: true, max_record_size: limits.csvLineBytes, info: true });
  const source = Readable.from(pieces());
  source.on("error", (error) => parser.destroy(error));
  try {
    for await (const row of source.pipe(parser)) yield row as Row;
  } catch (error) {
    throw asRefusal(error, file.name);
  } finally {
    source.destroy();
  }
}

function asRefusal(error: unknown, name: string): unknown {
  if (!(error instanceof CsvError)) return error;
  if (error.code === "CSV_MAX_RECORD_SIZE") {
    return new DatasetRefusal("csv_line_too_long", `A line of ${quoted(name)} is longer than a row may be. Is a quote never closed, or the table transposed?`, { cause: error });
  }
  const line = typeof error["lines"] === "number" ? ` near line ${error["lines"]}` : "";
  return new DatasetRefusal("csv_malformed", `${quoted(name)} is not well-formed CSV${line}: a quote stands where none may be. Export it again.`, { cause: error });
}

async function* examplesOf(first: Row | null, rest: AsyncIterator<Row>, plan: ColumnPlan, context: ReaderContext): AsyncIterable<RawExample> {
  try {
    for (let row = first; row !== null; ) {
      const example = exampleOf(row, plan, context);
      if (example) yield example;
      const next = await rest.next();
      row = next.done === true ? null : next.value;
    }
  } finally {
    await rest.return?.();
  }
}

/** Null when the row is left out; why is in the log, with the line of the file. */
function exampleOf({ record, info }: Row, plan: ColumnPlan, { defects }: ReaderContext): RawExample | null {
  const place = `line ${info.lines}`;
  if (record.length !== plan.names.length) {
    defects.leaveOut("csv_row_length", `Rows with more or fewer cells than the ${plan.names.length} of the header are left out; is there a delimiter inside of a text without quotes?`, place);
    return null;
  }
  const payload = Buffer.alloc(plan.features.length * 4);
  for (const [at, column] of plan.features.entries()) {
    const cell = record[column] ?? "";
    const value = cellNumber(cell);
    if (typeof value === "string") {
      defects.leaveOut(value, CELL_ADVICE[value], `${place}, column ${quoted(plan.names[column] ?? "")}${value === "csv_cell_not_number" ? `: ${quoted(cell)}` : ""}`);
      return null;
    }
    payload.writeFloatLE(value, at * 4);
  }
  const label = plan.label === null ? null : labelOf(record[plan.label] ?? "");
  if (label === "") {
    defects.leaveOut("csv_cell_missing", CELL_ADVICE.csv_cell_missing, `${place}, column ${quoted(plan.names[plan.label ?? 0] ?? "")}`);
    return null;
  }
  return {
    id: place,
    payload,
    encoding: "raw",
    label,
    split: plan.split === null ? null : splitOfWord((record[plan.split] ?? "").trim()),
    group: plan.group === null ? null : (record[plan.group] ?? "").trim(),
  };
}

function labelOf(cell: string): string | number {
  const value = cellNumber(cell);
  return typeof value === "number" ? value : cell.trim();
}
