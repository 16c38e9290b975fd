import { stat } from "node:fs/promises";
import { join } from "node:path";
import { safeFileName, storableJson, type VersionOrigin, type VersionView } from "@flotilla/fleet";
import { KERAS_REFUSAL_CODES, type KerasFormat } from "@flotilla/trainer";
import type { JobContext } from "../ports.ts";
import { convertKerasOutputSchema } from "../sandbox/child-schemas.ts";
import type { ConvertKerasInput } from "../sandbox/convert-keras.ts";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel } from "../sandbox/run-model.ts";
import type { StagedFiles } from "../staged-files.ts";

/** By the code with which the reader of ONNX files says what a file is instead. */
const CONVERTIBLE: Readonly<Record<string, KerasFormat>> = { keras_hdf5: "h5", keras_archive: "keras" };
/** The file, its weights, the graph made of them and its bytes lie in memory at the same time. */
const COPIES = 4;

/** A model in another format as ONNX: the file that takes its place under `name`, and what it was. */
export type ConvertedUpload = { kind: "converted"; staged: StagedFiles; name: string; origin: VersionOrigin };

/** The format of an upload that was refused with this code, where we can convert it: a single file. */
export function convertibleFormat(refusalCode: string, staged: StagedFiles): KerasFormat | null {
  return staged.externalFiles.length === 0 && Object.hasOwn(CONVERTIBLE, refusalCode) ? (CONVERTIBLE[refusalCode] ?? null) : null;
}

/** Converts a Keras model in a sandbox child. What is refused is refused with a code of the converter's. */
export async function convertUpload(staged: StagedFiles, files: VersionView["files"], format: KerasFormat, context: JobContext): Promise<ConvertedUpload | { kind: "refused"; code: string; reason: string }> {
  const outPath = join(context.workDir, "converted.onnx");
  const run = await runModel<ConvertKerasInput, unknown>({
    entry: new URL("../sandbox/convert-keras.ts", import.meta.url),
    input: { path: staged.modelPath, format, outPath },
    limits: limitsFor(COPIES * staged.totalBytes),
    workDir: context.workDir,
    signal: context.signal,
    refusalCodes: KERAS_REFUSAL_CODES,
    engine: "the reader of Keras files",
    doing: () => "converting the model from Keras",
  });
  if (run.kind === "refused") return run;
  const output = convertKerasOutputSchema.safeParse(run.output);
  const [file] = files;
  if (!output.success || file === undefined) return { kind: "refused", code: "sandbox_failed", reason: "converting the model gave something else than a model" };
  const { size } = await stat(outPath);
  return {
    kind: "converted",
    staged: { modelPath: outPath, externalFiles: [], totalBytes: size },
    name: safeFileName(`${file.name.replace(/\.[^.]*$/, "")}.onnx`),
    origin: storableJson({ format: `.${format}`, fileName: file.name, sha256: file.sha256, sizeBytes: file.sizeBytes, ...output.data }),
  };
}
