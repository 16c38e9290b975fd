import { readFile, writeFile } from "node:fs/promises";
import { sandboxMain } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { convertKeras, type KerasFormat, type KerasReport } from "@flotilla/trainer";

export type ConvertKerasInput = { path: string; format: KerasFormat; outPath: string };
export type ConvertKerasOutput = Pick<KerasReport, "producer" | "normalizesInput" | "notes">;

sandboxMain<ConvertKerasInput, ConvertKerasOutput>(async ({ path, format, outPath }) => {
  const { model, report } = await convertKeras(await readFile(path), format);
  await writeFile(outPath, writeOnnx(model), { flag: "wx" });
  return { producer: report.producer, normalizesInput: report.normalizesInput, notes: report.notes };
});
