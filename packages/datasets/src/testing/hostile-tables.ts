import type { HostileDataset } from "./hostile-datasets.ts";

/** Tables, and the files people take for tables. */
export function hostileTables(): HostileDataset[] {
  const csv = (name: string, content: string | Uint8Array, rest: Pick<HostileDataset, "refusal" | "says"> & Partial<HostileDataset>): HostileDataset => ({
    name: `csv: ${name}`,
    fileName: "table.csv",
    bytes: typeof content === "string" ? Buffer.from(content) : content,
    ...rest,
  });
  const names = (count: number): string => Array.from({ length: count }, (_, at) => `c${at}`).join(",");
  return [
    csv("UTF-16", Buffer.concat([Buffer.from("fffe", "hex"), Buffer.from("a,label\n1,x\n", "utf16le")]), { refusal: "csv_encoding", says: "UTF-16" }),
    csv("Latin-1", Buffer.from("größe,label\n1,x\n", "latin1"), { refusal: "csv_encoding", says: "CSV UTF-8" }),
    csv("NUL bytes", "a,label\n1,x\n\0\0\0\n", { refusal: "csv_binary", says: "NUL bytes" }),
    csv("a million columns", names(1_000_000), { refusal: "csv_line_too_long", says: "transposed" }),
    csv("20,000 columns", `${names(20_000)}\n`, { refusal: "csv_too_many_columns", says: "20,000 columns" }),
    csv("no header", "1,2,3\n4,5,6\n", { refusal: "csv_no_header", says: "names of the columns" }),
    csv("same column twice", "a,a,label\n1,2,x\n", { refusal: "csv_column", says: 'called "a"' }),
    csv("label column that is not there", "a,b\n1,2\n", { options: { labelColumn: "species" }, refusal: "csv_column", says: 'no column "species"' }),
    csv("only a label", "label\nx\n", { refusal: "csv_column", says: "No column is left" }),
    csv("quote that is never closed", 'a,label\n"1,x\n2,y\n', { refusal: "csv_malformed", says: "a quote" }),
    csv("quote that swallows a megabyte", `a,label\n"${"1,x\n".repeat(300_000)}`, { refusal: "csv_line_too_long", says: "never closed" }),
    csv("words for features", "colour,label\nred,x\nblue,y\n", { refusal: "csv_cell_not_number", says: 'line 2, column "colour": "red"' }),
    csv("decimal commas", "a;label\n1,5;x\n2,5;y\n", { refusal: "csv_cell_not_number", says: "decimal point" }),
    csv("NaN and infinity", "a,label\nNaN,x\n-inf,y\n", { refusal: "csv_cell_not_finite", says: "line 2" }),
    csv("empty cells", "a,b,label\n1,,x\n,2,y\n", { refusal: "csv_cell_missing", says: 'line 2, column "b"' }),
    csv("rows of another length", "a,b,label\n1,2,x,9\n1,2\n", { refusal: "csv_row_length", says: "than the 3 of the header" }),
    csv("header alone", "a,b,label\n", { refusal: "no_examples", says: "No example" }),
    csv("a label per row", "a,label\n1,p\n2,q\n3,r\n", { limits: { classes: 2 }, refusal: "too_many_classes", says: "2 different labels" }),
    csv("text to be predicted as a number", "a,label\n1,p\n2,q\n", { options: { task: "regression" }, refusal: "labels_unusable", says: '"p" is none' }),
    csv("shares that sum to more than all", "a,label\n1,p\n", { options: { fractions: { train: 1, calibration: 0, validation: 0, test: 0.5 } }, refusal: "options_invalid", says: "sum to 1" }),
    csv("list of classes without one of them", "a,label\n1,p\n2,q\n", { options: { classes: ["p"] }, refusal: "options_invalid", says: 'class "q"' }),
    csv("nothing", "", { refusal: "empty_file", says: "empty" }),
    csv("web page", "<!DOCTYPE html><html></html>", { fileName: "data.zip", refusal: "format_unsupported", says: "web page" }),
    csv("HDF5", Buffer.from(`894844460d0a1a0a${"00".repeat(40)}`, "hex"), { fileName: "data.h5", refusal: "format_unsupported", says: "HDF5" }),
    csv("pickle", Buffer.from("80049504000000000000008c0161942e", "hex"), { fileName: "data.pkl", refusal: "format_unsupported", says: "never run here" }),
    csv("Parquet", Buffer.from("50415231150415000000", "hex"), { fileName: "data.parquet", refusal: "format_unsupported", says: "Save it as CSV" }),
  ];
}
