import type { OnnxModel } from "@flotilla/runtime/ir";
import { parseArchitecture, parseJson } from "./architecture/parse-architecture.ts";
import type { Architecture } from "./architecture/architecture.ts";
import { NetworkWriter } from "./emit/network-writer.ts";
import type { KerasValue } from "./emit/keras-value.ts";
import { writeNetwork, type Conversion } from "./emit/write-network.ts";
import { KERAS_LIMITS, type KerasLimits } from "./keras-limits.ts";
import { KerasRefusal, quoted } from "./keras-refusal.ts";
import { takesBytes } from "./takes-bytes.ts";
import { openArchive, openLegacy, type OpenModelFile } from "./open-model-file.ts";

export type KerasFormat = "h5" | "keras";

/** What was made of what. */
export type KerasReport = {
  readonly format: KerasFormat;
  /** What wrote the file, e.g. "Keras 2.4.0 (tensorflow)". */
  readonly producer: string;
  readonly modelName: string;
  readonly layers: readonly { readonly name: string; readonly className: string }[];
  /** Numbers that are learnt. */
  readonly parameters: number;
  /** Whether it takes numbers as they are: it brings them into a range by itself, or was trained on pixels from 0 to 255 (`takesBytes`). */
  readonly normalizesInput: boolean;
  /** Sentences for people. */
  readonly notes: readonly string[];
};

export type ConvertedKeras = { readonly model: OnnxModel; readonly report: KerasReport };

/**
 * A Keras model (`.h5` of Keras 1 to 3, `.keras` of Keras 2.12 and later) as an ONNX inference graph of opset 18 that computes the same: inputs and
 * outputs as Keras has them (channels last), named after their layers, with any batch. Nothing in the file is executed. Throws KerasRefusal.
 * The file nobody vouches for goes through a native parser compiled to WebAssembly, so call it in a process that may be killed.
 */
export async function convertKeras(bytes: Uint8Array, format: KerasFormat, limits: KerasLimits = KERAS_LIMITS): Promise<ConvertedKeras> {
  if (bytes.byteLength > limits.fileBytes) throw new KerasRefusal("keras_too_large", `the file has ${bytes.byteLength} bytes; ${limits.fileBytes} are read at most`);
  const file = await (format === "h5" ? openLegacy(bytes, limits) : openArchive(bytes, limits));
  try {
    return convert(file, format, limits);
  } finally {
    file.close();
  }
}

function convert(file: OpenModelFile, format: KerasFormat, limits: KerasLimits): ConvertedKeras {
  const network = parseArchitecture(parseJson(file.configText, "the description of the model"), limits);
  const writer = new NetworkWriter(limits.weightElements);
  const conversion: Conversion = { writer, weights: file.weights, kerasMajor: Number.parseInt(file.kerasVersion, 10) || 2, limits, written: [], networks: new Map(), notes: new Set() };
  const inputs = network.inputs.map((input) => writeInput(writer, input));
  const outputs = writeNetwork(conversion, network, inputs);
  if (inputs.length === 0 || outputs.length === 0) throw new KerasRefusal("keras_graph_invalid", "the model has no input or no output");
  writer.scope = "";
  const producer = `Keras ${file.kerasVersion}${file.backend === null ? "" : ` (${file.backend})`}`;
  const named = outputs.map((value, position) => ({ name: network.outputs[position]?.layer ?? "output", value }));
  const model = writer.toModel(network.name, named, [["converted from", producer]]);
  const parameters = model.graph.initializers.filter(({ name }) => name.includes("/")).reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0);
  return { model, report: { format, producer, modelName: network.name, layers: conversion.written, parameters, normalizesInput: takesBytes(model) || conversion.written.some(({ className }) => NORMALIZERS.has(className)), notes: [...conversion.notes] } };
}

const NORMALIZERS: ReadonlySet<string> = new Set(["Rescaling", "Normalization"]);

/** Whole numbers come in as they are and are computed with in single precision, as Keras does. */
const WHOLE_NUMBERS = ["int32", "int64", "uint8", "int8"];

function writeInput(writer: NetworkWriter, { port, shape, elementType }: Architecture["inputs"][number]): KerasValue {
  if (shape === null) throw new KerasRefusal("keras_graph_invalid", `the shape of the input ${quoted(port.layer)} is not in the file; build the model before it is saved`);
  if (elementType === "float32") return writer.input(port.layer, shape, elementType);
  if (!WHOLE_NUMBERS.includes(elementType)) throw new KerasRefusal("keras_dtype_unsupported", `the input ${quoted(port.layer)} is of the type ${quoted(elementType)}; single precision and whole numbers are supported`);
  const given = writer.input(port.layer, shape, elementType);
  writer.scope = port.layer;
  return writer.value(shape, "last", writer.node("Cast", [writer.form(given, "last")], { to: { int: FLOAT } }));
}

/** `TensorProto.DataType` of float32. */
const FLOAT = 1;
