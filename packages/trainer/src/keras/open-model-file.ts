import { field } from "./config-reader.ts";
import { parseJson } from "./architecture/parse-architecture.ts";
import { Hdf5File } from "./files/hdf5-file.ts";
import { readZipEntries } from "./files/zip-entries.ts";
import type { KerasLimits } from "./keras-limits.ts";
import { KerasRefusal } from "./keras-refusal.ts";
import { archiveWeights } from "./weights/archive-weights.ts";
import { legacyWeights } from "./weights/legacy-weights.ts";
import type { WeightSource } from "./weights/weight-source.ts";

/** A model file of either form: what describes the network, and where its weights are. Close it after use. */
export type OpenModelFile = {
  readonly configText: string;
  readonly kerasVersion: string;
  readonly backend: string | null;
  readonly weights: WeightSource;
  close(): void;
};

/** Versions and names of backends are shorter. */
const WORD_CHARACTERS_MAX = 64;

/** `.h5`: one HDF5 file with the description in an attribute. */
export async function openLegacy(bytes: Uint8Array, limits: KerasLimits): Promise<OpenModelFile> {
  const file = await Hdf5File.open(bytes, limits);
  try {
    const configText = file.text("/", "model_config", limits.configCharacters);
    if (configText === null) throw new KerasRefusal("keras_no_model", "the HDF5 file holds no Keras model; if it holds weights only, save the whole model with model.save()");
    const word = (name: string): string | null => file.text("/", name, WORD_CHARACTERS_MAX);
    return { configText, kerasVersion: word("keras_version") ?? "1", backend: word("backend"), weights: legacyWeights(file), close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

const [CONFIG, METADATA, WEIGHTS] = ["config.json", "metadata.json", "model.weights.h5"];

/** `.keras`: a ZIP file of two JSON texts and an HDF5 file. */
export async function openArchive(bytes: Uint8Array, limits: KerasLimits): Promise<OpenModelFile> {
  const entries = readZipEntries(bytes, [CONFIG, METADATA, WEIGHTS], limits);
  const [config, metadata, weights] = [entries.get(CONFIG), entries.get(METADATA), entries.get(WEIGHTS)];
  if (config === undefined || weights === undefined) throw new KerasRefusal("keras_archive_incomplete", `the archive has no ${config === undefined ? CONFIG : WEIGHTS}; save the model with model.save("model.keras")`);
  const version = metadata === undefined ? null : field(parseJson(textOf(metadata, limits), METADATA), "keras_version");
  const configText = textOf(config, limits);
  const file = await Hdf5File.open(weights, limits);
  return { configText, kerasVersion: typeof version === "string" ? version.slice(0, WORD_CHARACTERS_MAX) : "3", backend: null, weights: archiveWeights(file), close: () => file.close() };
}

function textOf(bytes: Uint8Array, { configCharacters }: KerasLimits): string {
  if (bytes.byteLength > configCharacters) throw new KerasRefusal("keras_too_large", `the description of the model has ${bytes.byteLength} bytes; ${configCharacters} are read at most`);
  return new TextDecoder().decode(bytes);
}
