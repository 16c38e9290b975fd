import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { SourceFile } from "../source/source-file.ts";

/** Chooses among these by what the first line holds most of, outside of quotes. */
const DELIMITERS = [",", ";", "\t", "|"];

/** UTF-8 text in pieces, without byte order mark. Refuses other encodings and binary data at the byte where they show. */
export async function* csvText(file: SourceFile): AsyncIterable<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isFirst = true;
  for await (const chunk of file.stream()) {
    if (isFirst && chunk.byteLength >= 2) refuseWideText(file.name, chunk);
    isFirst = false;
    if (chunk.includes(0)) throw new DatasetRefusal("csv_binary", `${quoted(file.name)} holds NUL bytes, so it is no plain text. Export it as CSV in UTF-8.`);
    yield decode(decoder, file.name, chunk);
  }
  yield decode(decoder, file.name);
}

function decode(decoder: InstanceType<typeof TextDecoder>, name: string, chunk?: Uint8Array): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch (error) {
    throw new DatasetRefusal("csv_encoding", `${quoted(name)} is not UTF-8 text (an older Windows encoding?). Save it as "CSV UTF-8".`, { cause: error });
  }
}

function refuseWideText(name: string, chunk: Uint8Array): void {
  const mark = ((chunk[0] ?? 0) << 8) | (chunk[1] ?? 0);
  if (mark === 0xfffe || mark === 0xfeff) throw new DatasetRefusal("csv_encoding", `${quoted(name)} is UTF-16 text. Save it as "CSV UTF-8".`);
}

export function guessDelimiter(text: string): string {
  const line = (/^[^\r\n]*/.exec(text)?.[0] ?? "").replaceAll(/"[^"]*"/g, "");
  const counts = DELIMITERS.map((delimiter) => line.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ",";
}
