import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import { type ArraySource, rowElements, type TextType } from "./array-source.ts";
import { rowsOf } from "./array-rows.ts";
import { numberReader } from "./number-type.ts";
import type { ReaderContext } from "./reader-context.ts";

/** Labels one by one: a number or text per example, or the place of the one in a one-hot row. */
export async function* labelsOf(array: ArraySource, context: ReaderContext): AsyncIterable<string | number> {
  const width = rowElements(array);
  const { type } = array;
  if (type.kind === "text") {
    if (width !== 1) throw unusable(array, "has several texts per example");
    for await (const row of rowsOf(array, context)) yield textOf(row, type);
    return;
  }
  const read = numberReader(type);
  let index = 0;
  for await (const row of rowsOf(array, context)) {
    const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
    yield width === 1 ? read(view, 0) : oneHot(Array.from({ length: width }, (_, at) => read(view, at * type.bytes)), array, index);
    index += 1;
  }
}

function oneHot(values: readonly number[], array: ArraySource, index: number): number {
  const isOneHot = values.filter((value) => value === 1).length === 1 && values.filter((value) => value === 0).length === values.length - 1;
  if (!isOneHot) throw unusable(array, `has ${values.length} numbers per example, and those of example ${index} are not one 1 among zeros`);
  return values.indexOf(1);
}

function unusable({ file }: ArraySource, what: string): DatasetRefusal {
  return new DatasetRefusal("labels_unusable", `The label array ${quoted(file.name)} ${what}. Give one class number, one class name, one number to predict, or a one-hot row per example.`);
}

/** Padded with zeros at the end. UTF-32 code units that are no character become U+FFFD. */
function textOf(row: Uint8Array, { isUtf32, isLittleEndian }: TextType): string {
  if (!isUtf32) return Buffer.from(row).toString("latin1").replace(/\0+$/, "");
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  let text = "";
  for (let at = 0; at < row.byteLength; at += 4) {
    const code = view.getUint32(at, isLittleEndian);
    text += String.fromCodePoint(code <= 0x10ffff ? code : 0xfffd);
  }
  return text.replace(/\0+$/, "");
}
