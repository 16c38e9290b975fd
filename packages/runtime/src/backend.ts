import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type * as Ort from "onnxruntime-node";
import { ModelRefusal } from "./model-refusal.ts";
import type { OpenModel, SessionSettings, Tensor, TensorData, Tensors, TensorSpec } from "./types.ts";

/**
 * The only file that knows ONNX Runtime. The native library (25–45 MB) is loaded at the first use, not at import: the
 * server's processes import this package for its reader and must never map the library.
 */
type OrtModule = typeof Ort;
let loaded: Promise<OrtModule> | undefined;

function ort(): Promise<OrtModule> {
  loaded ??= import("onnxruntime-node").then((module) => {
    module.env.logLevel = "error";
    return module;
  });
  return loaded;
}

/** Loads the native library and says its version and the execution providers it brings along. */
export async function backendFacts(): Promise<{ readonly ortVersion: string; readonly executionProviders: readonly string[] }> {
  const module = await ort();
  // The binding also lists providers whose libraries it does not bring (CUDA, TensorRT): they would have to be installed.
  const executionProviders = module.listSupportedBackends().filter((backend) => backend.bundled).map((backend) => backend.name);
  return { ortVersion: module.env.versions.node ?? module.env.versions.common, executionProviders };
}

/**
 * Opens the model at a path, or the model in memory, in ONNX Runtime. Hostile models can crash or hang the process here: call it on
 * bytes you trust, or inside the sandbox. Throws `ModelRefusal` `load_failed` when the runtime does not take the model. Weights in
 * external files are found only beside a path.
 */
export async function openModel(source: string | Uint8Array, settings: SessionSettings = {}): Promise<OpenModel> {
  const module = await ort();
  const path = typeof source === "string" ? source : IN_MEMORY;
  const options = sessionOptions(settings);
  let session: Ort.InferenceSession;
  try {
    session = await (typeof source === "string" ? module.InferenceSession.create(source, options) : module.InferenceSession.create(source, options));
  } catch (error) {
    throw new ModelRefusal("load_failed", `ONNX Runtime cannot load this model: ${runtimeMessage(error, path)}`, { cause: error });
  }
  return wrapSession(module, session, path, settings.profilePrefix);
}

/** Stands where a path would be, for the messages of models that have none. */
const IN_MEMORY = "model.onnx";

function sessionOptions(settings: SessionSettings): Ort.InferenceSession.SessionOptions {
  const interOpThreads = settings.interOpThreads ?? 1;
  return {
    executionProviders: [...(settings.executionProviders ?? ["cpu"])],
    intraOpNumThreads: settings.intraOpThreads ?? 1,
    interOpNumThreads: interOpThreads,
    executionMode: interOpThreads > 1 ? "parallel" : "sequential",
    graphOptimizationLevel: settings.graphOptimization ?? "all",
    logSeverityLevel: 3,
    // A spinning pool burns a core of a device that infers once a second.
    extra: { session: { "intra_op.allow_spinning": "0", "inter_op.allow_spinning": "0", ...settings.sessionConfig } },
    ...(settings.optimizedModelPath === undefined ? {} : { optimizedModelFilePath: settings.optimizedModelPath }),
    ...(settings.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: settings.profilePrefix }),
  };
}

function wrapSession(module: OrtModule, session: Ort.InferenceSession, path: string, profilePrefix: string | undefined): OpenModel {
  const inputs = session.inputMetadata.map((value) => tensorSpec(value));
  const unsupportedInput = inputs.findIndex((spec) => spec === null);
  if (unsupportedInput !== -1) {
    const name = session.inputNames[unsupportedInput] ?? "";
    throw new ModelRefusal("element_type_unsupported", `input "${name}" is not a tensor, and only tensors can be fed on devices`);
  }
  const outputs = session.outputMetadata.map((value) => tensorSpec(value)).filter((spec) => spec !== null);
  const fetches = outputs.map((spec) => spec.name);
  let profiling = profilePrefix !== undefined;
  return {
    inputs: inputs.filter((spec) => spec !== null),
    outputs,
    unsupportedOutputs: session.outputNames.filter((name) => !fetches.includes(name)),
    async run(feeds) {
      try {
        const results = await session.run(toOrtFeeds(module, feeds), fetches);
        return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(value as Ort.Tensor)]));
      } catch (error) {
        throw new ModelRefusal("run_failed", `ONNX Runtime cannot run this model: ${runtimeMessage(error, path)}`, { cause: error });
      }
    },
    async endProfiling() {
      if (!profiling || profilePrefix === undefined) return null;
      profiling = false;
      session.endProfiling();
      return await findProfile(profilePrefix);
    },
    async close() {
      await session.release();
    },
  };
}

function tensorSpec(value: Ort.InferenceSession.ValueMetadata): TensorSpec | null {
  return value.isTensor ? { name: value.name, elementType: value.type, shape: value.shape } : null;
}

/** The newest file the runtime wrote for this prefix; it appends a timestamp of its own. */
async function findProfile(prefix: string): Promise<string | null> {
  const start = `${basename(prefix)}_`;
  const names = (await readdir(dirname(prefix))).filter((name) => name.startsWith(start) && name.endsWith(".json"));
  const newest = names.sort().at(-1);
  return newest === undefined ? null : join(dirname(prefix), newest);
}

function toOrtFeeds(module: OrtModule, feeds: Tensors): Record<string, Ort.Tensor> {
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(module, tensor)]));
}

function toOrt(module: OrtModule, tensor: Tensor): Ort.Tensor {
  const { elementType, shape } = tensor;
  const data = tensor.data as Ort.Tensor.DataType;
  if (elementType !== "float16") return new module.Tensor(elementType, data, shape);
  // On a platform with Float16Array (Node 24) the Tensor class wraps the bits in one, which the native side of 1.30 reads as
  // empty ("not enough space: expected N, got 0"). As uint16 the bits arrive whole; only the label is put right.
  return Object.assign(new module.Tensor("uint16", data as Uint16Array, shape), { type: "float16" }) as unknown as Ort.Tensor;
}

function fromOrt(value: Ort.Tensor): Tensor {
  const data = value.data as TensorData;
  return { elementType: value.type, shape: [...value.dims], data: value.type === "float16" ? asUint16(data) : data };
}

/** Float16Array on platforms that have it, as its bits. */
function asUint16(data: TensorData): Uint16Array {
  const view = data as Uint16Array;
  return new Uint16Array(view.buffer, view.byteOffset, view.length);
}

const MESSAGE_CHARACTERS = 400;

/** The runtime's own words without its source locations and without paths of this machine. */
function runtimeMessage(error: unknown, path: string): string {
  const text = (error instanceof Error ? error.message : String(error))
    .replaceAll(path, basename(path))
    .replaceAll(`${dirname(path)}/`, "")
    .replaceAll(/\s+/g, " ")
    .trim();
  const clean = withoutSourceLocation(text);
  return clean.length > MESSAGE_CHARACTERS ? `${clean.slice(0, MESSAGE_CHARACTERS)}…` : clean;
}

/** Cuts "/onnxruntime_src/….cc:202 return::type name(arguments) [with T = float] " out of a message. */
function withoutSourceLocation(text: string): string {
  const location = /\/\S*onnxruntime\S*:\d+ /.exec(text);
  if (location === null) return text;
  const before = text.slice(0, location.index);
  const signature = text.slice(location.index + location[0].length);
  let depth = 0;
  for (let index = 0; index < signature.length; index += 1) {
    if (signature[index] === "(") depth += 1;
    if (signature[index] === ")") depth -= 1;
    if (depth === 0 && signature[index] === ")") {
      return before + signature.slice(index + 1).replace(/^( const)?( \[with [^\]]*\])?\s*/, "");
    }
  }
  return before + signature;
}
