import { ModelRefusal } from "../model-refusal.ts";
import { FUNCTION, MODEL, OPSET } from "../onnx-fields.ts";
import { WireWriter } from "../wire-writer.ts";
import type { OnnxFunction, OnnxModel, OnnxOpset, OnnxTensor } from "./types.ts";
import { writeAttribute, writeGraph, writeNode } from "./write-graph.ts";
import type { ExternalPlacer } from "./write-tensor.ts";
import { writeEntries, writeText, writeUnknown } from "./write-tensor.ts";
import { writeValueInfo } from "./write-type.ts";

/** Bytes. Protobuf itself goes no further. */
const MODEL_BYTES_MAX = 2 ** 31 - 1;

/**
 * Writes a model as one ModelProto; values that lay in external files go into it. The same model gives the same bytes.
 * Throws `ModelRefusal` "file_too_large" from 2 GiB on, where only `writeOnnxFiles` helps.
 */
export function writeOnnx(model: OnnxModel): Uint8Array {
  return write(model, () => null);
}

/**
 * As `writeOnnx`, but tensors that came from external files (`external` is set) are put into files of the same names again.
 * Their places are counted anew in the order of the model, so the bytes of a tensor may have changed.
 */
export function writeOnnxFiles(model: OnnxModel): { readonly bytes: Uint8Array; readonly files: ReadonlyMap<string, Uint8Array> } {
  const parts = new Map<string, { sizeBytes: number; readonly tensors: { readonly offset: number; readonly data: Uint8Array }[] }>();
  const place = ({ external, data }: OnnxTensor): [string, string][] | null => {
    if (external === null || Array.isArray(data)) return null;
    const file = parts.get(external.location) ?? { sizeBytes: 0, tensors: [] };
    parts.set(external.location, file);
    const alignment = data.byteLength >= PAGE_BYTES ? PAGE_BYTES : SMALL_ALIGNMENT_BYTES;
    const offset = Math.ceil(file.sizeBytes / alignment) * alignment;
    file.tensors.push({ offset, data });
    file.sizeBytes = offset + data.byteLength;
    return [["location", external.location], ["offset", String(offset)], ["length", String(data.byteLength)]];
  };
  const bytes = write(model, place);
  const files = new Map<string, Uint8Array>();
  for (const [location, { sizeBytes, tensors }] of parts) {
    const file = new Uint8Array(sizeBytes);
    for (const { offset, data } of tensors) file.set(data, offset);
    files.set(location, file);
  }
  return { bytes, files };
}

/** Large tensors start at pages so that they can be mapped into memory, as `onnx.proto` advises. */
const PAGE_BYTES = 4_096;
const SMALL_ALIGNMENT_BYTES = 64;

function write(model: OnnxModel, place: ExternalPlacer): Uint8Array {
  const out = new WireWriter();
  out.varint(MODEL.irVersion, model.irVersion);
  writeText(out, MODEL.producerName, model.producerName);
  writeText(out, MODEL.producerVersion, model.producerVersion);
  writeText(out, MODEL.domain, model.domain);
  if (model.modelVersion !== 0n) out.varint(MODEL.modelVersion, model.modelVersion);
  writeText(out, MODEL.docString, model.docString);
  out.message(MODEL.graph, (inner) => writeGraph(inner, model.graph, place));
  writeOpsets(out, MODEL.opsetImport, model.opsets);
  writeEntries(out, MODEL.metadataProps, model.metadata);
  for (const body of model.functions) out.message(MODEL.functions, (inner) => writeFunction(inner, body, place));
  writeUnknown(out, model.unknownFields);
  if (out.sizeBytes > MODEL_BYTES_MAX) {
    throw new ModelRefusal("file_too_large", `the model takes ${out.sizeBytes} bytes in one file; ${MODEL_BYTES_MAX} are possible`);
  }
  return out.finish();
}

function writeOpsets(out: WireWriter, field: number, opsets: readonly OnnxOpset[]): void {
  for (const { domain, version, unknownFields = [] } of opsets) {
    out.message(field, (inner) => {
      writeText(inner, OPSET.domain, domain);
      writeUnknown(inner.varint(OPSET.version, version), unknownFields);
    });
  }
}

function writeFunction(out: WireWriter, body: OnnxFunction, place: ExternalPlacer): void {
  writeText(out, FUNCTION.name, body.name);
  for (const name of body.inputs) out.string(FUNCTION.input, name);
  for (const name of body.outputs) out.string(FUNCTION.output, name);
  for (const name of body.attributeNames) out.string(FUNCTION.attribute, name);
  for (const node of body.nodes) out.message(FUNCTION.node, (inner) => writeNode(inner, node, place));
  writeText(out, FUNCTION.docString, body.docString);
  writeOpsets(out, FUNCTION.opsetImport, body.opsets);
  writeText(out, FUNCTION.domain, body.domain);
  for (const attribute of body.attributeDefaults) out.message(FUNCTION.attributeProto, (inner) => writeAttribute(inner, attribute, place));
  for (const value of body.valueInfos) out.message(FUNCTION.valueInfo, (inner) => writeValueInfo(inner, value));
  writeText(out, FUNCTION.overload, body.overload);
  writeEntries(out, FUNCTION.metadataProps, body.metadata);
  writeUnknown(out, body.unknownFields);
}
