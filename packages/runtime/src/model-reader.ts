import { ByteSource } from "./byte-source.ts";
import { refuseOtherKinds } from "./file-kind.ts";
import type { Collected } from "./graph-reader.ts";
import { emptyCollection, GraphReader, readOpset } from "./graph-reader.ts";
import { checkAmplifiers, checkExternalFiles, checkFunctions, checkOperators } from "./model-checks.ts";
import { ModelRefusal } from "./model-refusal.ts";
import { ENTRY, MODEL } from "./onnx-fields.ts";
import { GRAPH_VALUES_MAX, IR_VERSION_MAX, IR_VERSION_MIN, MODEL_FILE_BYTES_MAX } from "./reader-limits.ts";
import type { ExternalFile, ModelSource, ModelSummary, OperatorCount } from "./types.ts";
import { malformed, WireReader } from "./wire-reader.ts";

/**
 * Reads what a model says about itself, without loading it and without believing it: memory stays flat whatever the size of
 * its weights, and every bound of `reader-limits.ts` holds. `files` lists the files uploaded beside it (external data).
 * Throws `ModelRefusal` for everything that is not a sound ONNX model within the bounds, and the system's own error when
 * the path cannot be read. Yields to the process about every 2 ms.
 */
export async function readModelSummary(source: ModelSource, files: readonly ExternalFile[] = []): Promise<ModelSummary> {
  const bytes = ByteSource.open(source);
  try {
    refuseOtherKinds(bytes);
    if (bytes.sizeBytes > MODEL_FILE_BYTES_MAX) {
      throw new ModelRefusal(
        "file_too_large",
        `the model file has ${bytes.sizeBytes} bytes; ${MODEL_FILE_BYTES_MAX} are allowed: save it with external data to keep its weights in files beside it`,
      );
    }
    return await readModel(bytes, files);
  } finally {
    bytes.close();
  }
}

type Header = {
  irVersion: number | null;
  producerName: string;
  producerVersion: string;
  hasGraph: boolean;
  readonly metadata: Map<string, string>;
};

/** Metadata entries of one model; exporters write a handful. */
const METADATA_ENTRIES_MAX = 1_024;

async function readModel(bytes: ByteSource, files: readonly ExternalFile[]): Promise<ModelSummary> {
  const reader = new WireReader(bytes);
  const collected = emptyCollection();
  const graphs = new GraphReader(reader, collected);
  const header: Header = { irVersion: null, producerName: "", producerVersion: "", hasGraph: false, metadata: new Map() };
  const whole = { start: 0, end: bytes.sizeBytes };
  const end = reader.enter(whole);
  while (reader.next(end)) {
    await readModelField(reader, graphs, header);
    if (reader.tired) await reader.rest();
  }
  const irVersion = checkHeader(header);
  checkOperators(collected);
  checkFunctions(collected);
  checkAmplifiers(collected);
  const externalFiles = checkExternalFiles(collected, files);
  return summarize(collected, { ...header, irVersion }, externalFiles, bytes.sizeBytes);
}

async function readModelField(reader: WireReader, graphs: GraphReader, header: Header): Promise<void> {
  const { into } = graphs;
  switch (reader.field) {
    case MODEL.irVersion:
      header.irVersion = reader.integer();
      break;
    case MODEL.producerName:
      header.producerName = reader.text("the name of the producer");
      break;
    case MODEL.producerVersion:
      header.producerVersion = reader.text("the version of the producer");
      break;
    case MODEL.graph:
      // Two graphs would be merged by protobuf; no exporter writes that.
      if (header.hasGraph) throw malformed("two graphs");
      header.hasGraph = true;
      await graphs.graph(reader.range(), into.main, null, 0);
      break;
    case MODEL.opsetImport:
      readOpset(reader, into.main.opsets);
      break;
    case MODEL.metadataProps:
      readMetadata(reader, header.metadata);
      break;
    case MODEL.functions:
      await graphs.localFunction(reader.range());
      break;
    case MODEL.domain:
    case MODEL.docString:
      reader.textRange("the documentation of the model");
      break;
    default:
  }
}

function readMetadata(reader: WireReader, metadata: Map<string, string>): void {
  const range = reader.range();
  let key = "";
  let value = "";
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === ENTRY.key) key = reader.text("a key of the metadata");
    else if (reader.field === ENTRY.value) value = reader.text("a value of the metadata");
  }
  reader.exit(range);
  if (metadata.size >= METADATA_ENTRIES_MAX) throw malformed(`more than ${METADATA_ENTRIES_MAX} metadata entries`);
  metadata.set(key, value);
}

function checkHeader(header: Header): number {
  const { irVersion } = header;
  if (!header.hasGraph) throw new ModelRefusal("not_onnx", "not an ONNX file: it holds no network");
  if (irVersion === null || irVersion < IR_VERSION_MIN || irVersion > IR_VERSION_MAX) {
    throw new ModelRefusal(
      "ir_version_unsupported",
      `the model is written in version ${irVersion ?? 0} of the ONNX format; versions ${IR_VERSION_MIN} to ${IR_VERSION_MAX} are supported`,
    );
  }
  return irVersion;
}

function summarize(
  collected: Collected,
  header: Header & { readonly irVersion: number },
  externalFiles: ModelSummary["externalFiles"],
  modelSizeBytes: number,
): ModelSummary {
  // Until IR version 3 initialisers were listed among the inputs; what has a value need not be fed.
  const inputs = collected.inputs.filter(({ name }) => !collected.initializerNames.has(name));
  if (collected.outputs.length === 0) throw malformed("a network without outputs");
  if (Math.max(inputs.length, collected.outputs.length) > GRAPH_VALUES_MAX) throw malformed(`a network of more than ${GRAPH_VALUES_MAX} inputs or outputs`);
  return {
    irVersion: header.irVersion,
    producer: { name: header.producerName, version: header.producerVersion },
    graphName: collected.graphName,
    opsets: collected.main.opsets,
    inputs,
    outputs: collected.outputs,
    operators: countOperators(collected),
    nodeCount: collected.nodeCount,
    functionCount: collected.functions.length,
    parameterCount: collected.parameterCount,
    parametersByType: Object.fromEntries(collected.parametersByType),
    initializerBytes: collected.initializerBytes,
    externalFiles,
    metadata: Object.fromEntries(header.metadata),
    modelSizeBytes,
  };
}

function countOperators(collected: Collected): OperatorCount[] {
  const counts = new Map<string, { domain: string; opType: string; count: number }>();
  for (const body of [collected.main, ...collected.functions]) {
    for (const { domain, opType, count } of body.operators.values()) {
      const key = `${domain}:${opType}`;
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { domain, opType, count });
      else known.count += count;
    }
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || a.opType.localeCompare(b.opType, "en"));
}
