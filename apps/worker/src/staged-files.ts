import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactStore, VersionView } from "@flotilla/fleet";
import { FleetError, fileNameSchema } from "@flotilla/protocol";
import { JobFailure } from "./job-failure.ts";

const READ_BYTES = 1024 * 1024;

/** A version's files in a directory of their own. */
export type StagedFiles = { modelPath: string; externalFiles: { name: string; sizeBytes: number }[]; totalBytes: number };

/**
 * Lays copies of a version's files into a new directory under the names by which the model knows them. Copies share
 * blocks with a store on the same file system where that can; never links, since ONNX Runtime follows those out of the directory.
 * What was copied is read again and compared with the digest. `artifact_missing` or `artifact_damaged` otherwise.
 */
export async function stageFiles(store: ArtifactStore, files: VersionView["files"], directory: string, signal: AbortSignal): Promise<StagedFiles> {
  await layFiles(store, files, directory, signal);
  const model = files.find((file) => file.role === "model");
  if (model === undefined) throw new JobFailure("no_model_file", "The version has no model file.");
  return {
    modelPath: join(directory, model.name),
    externalFiles: files.filter((file) => file !== model).map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    totalBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
  };
}

/** The same for any files: copies under their names in a new directory, in their order. */
export async function layFiles(store: ArtifactStore, files: readonly StoredFile[], directory: string, signal: AbortSignal): Promise<{ name: string; path: string }[]> {
  await mkdir(directory, { mode: 0o700 });
  const laid: { name: string; path: string }[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const path = join(directory, fileNameSchema.parse(file.name));
    await stageFile(store, file, path, signal);
    laid.push({ name: file.name, path });
  }
  return laid;
}

type StoredFile = { name: string; sha256: string; sizeBytes: number };

async function stageFile(store: ArtifactStore, file: StoredFile, path: string, signal: AbortSignal): Promise<void> {
  try {
    await store.copyTo(file.sha256, path);
  } catch (error) {
    if (!(error instanceof FleetError && error.code === "not_found")) throw error;
    throw new JobFailure("artifact_missing", `The bytes of ${file.name} are not in the artifact store. Upload the file again.`, { cause: error });
  }
  const { size } = await stat(path);
  if (size !== file.sizeBytes || (await digestOf(path, signal)) !== file.sha256) {
    throw new JobFailure("artifact_damaged", `The bytes of ${file.name} in the artifact store are not those that were uploaded. Upload the file again.`);
  }
}

async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES, signal })) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
