import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelRefusal } from "../model-refusal.ts";
import { DATA_TYPES, GRAPH, MODEL, TENSOR } from "../onnx-fields.ts";
import { hostileModels } from "../testing/hostile-models.ts";
import { WireWriter } from "../wire-writer.ts";
import { cloneModel } from "./clone-model.ts";
import { elementCount, tensorByteLength } from "./element-layout.ts";
import { readOnnx } from "./read-onnx.ts";
import { anyModel } from "./testing/random-model.ts";
import { rawTensor } from "./tensors.ts";
import type { OnnxModel, OnnxTensor } from "./types.ts";
import { writeOnnx, writeOnnxFiles } from "./write-onnx.ts";

function emptyModel(initializers: OnnxTensor[]): OnnxModel {
  const graph = { name: "g", nodes: [], initializers, sparseInitializers: [], inputs: [], outputs: [], valueInfos: [], docString: "", metadata: [], unknownFields: [] };
  return {
    irVersion: 8, producerName: "", producerVersion: "", domain: "", modelVersion: 0n, docString: "", graph,
    opsets: [{ domain: "", version: 17 }], metadata: [], functions: [], unknownFields: [],
  };
}

describe("what a model says", () => {
  test("survives writing and reading, whatever it is", () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const bytes = writeOnnx(model);
        const again = readOnnx(bytes);
        expect(again).toEqual(model);
        expect(Buffer.compare(writeOnnx(again), bytes)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("is in a clone, which shares nothing but the bytes of tensors with it", () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const before = writeOnnx(model);
        const clone = cloneModel(model);
        expect(clone).toEqual(model);
        spoil(clone, new Set());
        expect(Buffer.compare(writeOnnx(model), before)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test("keeps the standard domain under one name", () => {
    const node = { name: "", opType: "Relu", domain: "ai.onnx", overload: "", inputs: ["x"], outputs: ["y"], attributes: [], docString: "", metadata: [], unknownFields: [] };
    const model = emptyModel([]);
    model.graph.nodes.push(node);
    model.opsets = [{ domain: "ai.onnx", version: 17 }];
    const read = readOnnx(writeOnnx(model));
    expect(read.graph.nodes[0]?.domain).toBe("");
    expect(read.opsets).toEqual([{ domain: "", version: 17 }]);
  });
});

/** Empties every list and overwrites every field of a structure in place, bytes left alone. */
function spoil(value: unknown, seen: Set<object>): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || seen.has(value)) return;
  seen.add(value);
  for (const [key, inner] of Object.entries(value)) {
    // Lists of unknown fields are read-only by type.
    if (key === "unknownFields") continue;
    spoil(inner, seen);
    (value as Record<string, unknown>)[key] = "spoiled";
  }
  if (Array.isArray(value)) value.length = 0;
}

describe("tensors kept in typed fields", () => {
  const fields = { float: TENSOR.floatData, int32: TENSOR.int32Data, int64: TENSOR.int64Data, uint64: TENSOR.uint64Data, double: TENSOR.doubleData } as const;

  for (const [code, type] of DATA_TYPES) {
    if (type.field === "string") continue;
    const field = fields[type.field];
    for (const packed of [true, false]) {
      test(`${type.name}, ${packed ? "packed" : "one by one"}, become the bytes raw_data would have`, () => {
        const dims = [7];
        const raw = Uint8Array.from({ length: tensorByteLength(type.name, dims) ?? 0 }, (_, index) => (type.name === "bool" ? index % 2 : (index * 37 + 129) % 256));
        const entryBytes = type.bits * type.entriesPerElement >= 8 ? type.bits / 8 / Math.max(1, type.entriesPerElement) : 1;
        const bytes = tensorFile((out) => {
          out.varint(TENSOR.dims, 7).varint(TENSOR.dataType, code);
          const entries = splitEntries(raw, Math.min(8, type.bits < 8 ? 1 : entryBytes));
          writeEntries(out, field, entries, type.field === "float" || type.field === "double", packed);
        });
        const [tensor] = readOnnx(bytes).graph.initializers;
        expect(tensor).toMatchObject({ elementType: type.name, dims, data: raw });
      });
    }
  }

  test("of the wrong number are refused", () => {
    const bytes = tensorFile((out) => out.varint(TENSOR.dims, 3).varint(TENSOR.dataType, 7).varint(TENSOR.int64Data, 1));
    expect(() => readOnnx(bytes)).toThrow(expect.objectContaining({ code: "tensor_size_mismatch" }) as Error);
  });
});

/** A model file with one initializer whose fields `write` makes. */
function tensorFile(write: (out: WireWriter) => void): Uint8Array {
  return new WireWriter().varint(MODEL.irVersion, 8).message(MODEL.graph, (graph) => graph.message(GRAPH.initializer, write)).finish();
}

function splitEntries(raw: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: raw.byteLength / size }, (_, index) => raw.subarray(index * size, (index + 1) * size));
}

/** Fixed-width numbers or varints; the varints of signed types extend the sign, as protobuf's int32 does. */
function writeEntries(out: WireWriter, field: number, entries: readonly Uint8Array[], fixed: boolean, packed: boolean): void {
  const number = (bytes: Uint8Array) => bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const tag = (size: number) => Uint8Array.of(field * 8 + (size === 4 ? 5 : 1));
  const varint = (bytes: Uint8Array) => new WireWriter().varint(1, BigInt.asIntN(bytes.byteLength * 8, number(bytes))).finish().subarray(1);
  if (packed) out.bytes(field, Buffer.concat(entries.map((entry) => (fixed ? entry : varint(entry)))));
  else for (const entry of entries) out.raw(fixed ? Buffer.concat([tag(entry.byteLength), entry]) : Buffer.concat([Uint8Array.of(field * 8), varint(entry)]));
}

describe("external data", () => {
  const location = "weights.bin";
  const external = (offset: number, length: number): OnnxTensor["external"] => ({ location, entries: [["location", location], ["offset", String(offset)], ["length", String(length)]] });
  const values = Uint8Array.from({ length: 9_000 }, (_, index) => index % 251);
  const parts = [
    { ...rawTensor("small", "int8", [40], values.subarray(0, 40)), external: external(0, 40) },
    { ...rawTensor("large", "float32", [2_000], values.subarray(40, 8_040)), external: external(4_096, 8_000) },
  ];

  test("is found in the files beside the model, and written there again at page boundaries", () => {
    const { bytes, files } = writeOnnxFiles(emptyModel(parts));
    expect(bytes.byteLength).toBeLessThan(400);
    const read = readOnnx(bytes, files);
    expect(read.graph.initializers).toEqual(parts);
    expect(read.graph.initializers[1]?.external?.entries).toContainEqual(["offset", "4096"]);
    const again = writeOnnxFiles(read);
    expect(Buffer.compare(again.bytes, bytes)).toBe(0);
    expect(again.files).toEqual(files);
  });

  test("goes into the model where one file is wanted", () => {
    const inline = readOnnx(writeOnnx(emptyModel(parts)));
    expect(inline.graph.initializers).toEqual(parts.map((tensor) => ({ ...tensor, external: null })));
  });

  test("that is missing or too short is refused by name", () => {
    const { bytes, files } = writeOnnxFiles(emptyModel(parts));
    expect(() => readOnnx(bytes)).toThrow(expect.objectContaining({ code: "external_data_missing" }) as Error);
    const short = new Map([...files].map(([name, file]) => [name, file.subarray(0, file.byteLength - 1)]));
    expect(() => readOnnx(bytes, short)).toThrow(expect.objectContaining({ code: "external_data_out_of_range", reason: expect.stringContaining('"large"') as string }) as Error);
  });
});

describe("garbage", () => {
  function refusedOrRead(bytes: Uint8Array): void {
    try {
      readOnnx(bytes);
    } catch (error) {
      if (!(error instanceof ModelRefusal)) throw error;
    }
  }

  test("ends in a refusal or a model, never in a crash", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(anyModel, damage, fc.nat(), (model, changes, cut) => {
        const bytes = writeOnnx(model);
        expect(() => refusedOrRead(bytes.subarray(0, cut % (bytes.byteLength + 1)))).not.toThrow();
        for (const [at, value] of changes) bytes[at % bytes.byteLength] = value;
        expect(() => refusedOrRead(bytes)).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  test("of the corpus of hostile files does no harm", () => {
    for (const { bytes } of hostileModels()) expect(() => refusedOrRead(bytes)).not.toThrow();
  });

  test("that is cut in the middle is called truncated, that is nonsense malformed", () => {
    const whole = writeOnnx(emptyModel([rawTensor("w", "float32", [4], new Uint8Array(16))]));
    expect(() => readOnnx(whole.subarray(0, -20))).toThrow(expect.objectContaining({ code: "truncated" }) as Error);
    expect(() => readOnnx(Uint8Array.of(0x3b))).toThrow(expect.objectContaining({ code: "malformed" }) as Error);
    expect(elementCount([2, 3, 0])).toBe(0);
  });
});
