import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoConvNet } from "./demo-models.ts";
import { readModelSummary } from "./model-reader.ts";
import { ModelRefusal } from "./model-refusal.ts";
import { buildModel, floatTensor, int64Tensor } from "./onnx-writer.ts";
import { constantOfShape, endlessLoop, externalModel, functionChain, hostileModels, nestedIfs, soundModels } from "./testing/hostile-models.ts";
import { WireWriter } from "./wire-writer.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-reader-test-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function refusal(reading: Promise<unknown>): Promise<ModelRefusal> {
  const error: unknown = await reading.then(
    () => new Error("the reader accepted it"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ModelRefusal)) throw error;
  return error;
}

describe("refused with a code and a sentence", () => {
  for (const hostile of hostileModels()) {
    test(`${hostile.name}`, async () => {
      const { code, reason } = await refusal(readModelSummary({ bytes: hostile.bytes }, hostile.files));
      expect(code).toBe(hostile.refusal);
      if (typeof hostile.says === "string") expect(reason).toContain(hostile.says);
      else expect(reason).toMatch(hostile.says);
      expect(reason.length).toBeLessThan(400);
    });
  }
});

describe("what stays within the limits is accepted", () => {
  test("8 nested Ifs, 32 chained functions, 2^24 constant elements, a loop whose trip count depends on the input", async () => {
    expect((await readModelSummary({ bytes: nestedIfs(8) })).nodeCount).toBe(17);
    expect((await readModelSummary({ bytes: functionChain(32) })).functionCount).toBe(32);
    await readModelSummary({ bytes: constantOfShape(2n ** 24n) });
    await readModelSummary({ bytes: endlessLoop("computed") });
  });

  test("an unused import of an unknown operator set does no harm", async () => {
    const opsets = [
      { domain: "", version: 17 },
      { domain: "com.acme", version: 3 },
    ];
    const bytes = buildModel({
      opsets,
      graph: {
        nodes: [{ opType: "Relu", inputs: ["x"], outputs: ["y"] }],
        inputs: [{ name: "x", elementType: "float32", shape: [1] }],
        outputs: [{ name: "y", elementType: "float32", shape: [1] }],
      },
    });
    expect((await readModelSummary({ bytes })).opsets).toEqual(opsets);
  });
});

describe("the summary", () => {
  test("says what the demo network is", async () => {
    const bytes = demoConvNet({ seed: 1, channels: 4 });
    const summary = await readModelSummary({ bytes });
    expect(summary).toMatchObject({
      irVersion: 8,
      producer: { name: "flotilla-demo", version: "" },
      graphName: "digit_reader",
      opsets: [{ domain: "", version: 17 }],
      inputs: [{ name: "image", elementType: "float32", shape: ["batch", 1, 28, 28] }],
      outputs: [{ name: "scores", elementType: "float32", shape: ["batch", 10] }],
      nodeCount: 9,
      functionCount: 0,
      parameterCount: 4 * 9 + 4 + 8 * 4 * 9 + 8 + 10 * 8 * 49 + 10,
      externalFiles: [],
      modelSizeBytes: bytes.byteLength,
    });
    expect(summary.initializerBytes).toBe(summary.parameterCount * 4);
    expect(summary.operators.slice(0, 3)).toEqual([
      { domain: "", opType: "Conv", count: 2 },
      { domain: "", opType: "MaxPool", count: 2 },
      { domain: "", opType: "Relu", count: 2 },
    ]);
  });

  test("does not list inputs that initialisers fill, and survives a metadata key named __proto__", async () => {
    const bytes = buildModel({
      metadata: { __proto__x: "1", ["__proto__"]: "poison", note: "ü" },
      graph: {
        nodes: [{ opType: "Add", inputs: ["x", "w"], outputs: ["y"] }],
        inputs: ["x", "w"].map((name) => ({ name, elementType: "float32", shape: [4] })),
        outputs: [{ name: "y", elementType: "float32" }],
        initializers: [floatTensor("w", [4], [1, 2, 3, 4])],
      },
    });
    const summary = await readModelSummary({ bytes });
    expect(summary.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(summary.outputs).toEqual([{ name: "y", elementType: "float32", shape: null }]);
    expect(Object.entries(summary.metadata)).toContainEqual(["__proto__", "poison"]);
    expect(({} as { note?: string }).note).toBeUndefined();
  });

  test("counts the tensors of each external file", async () => {
    const files = [{ name: "weights.bin", sizeBytes: 64 }];
    const summary = await readModelSummary({ bytes: externalModel({ location: "weights.bin", offset: 48, length: 16 }) }, files);
    expect(summary.externalFiles).toEqual([{ name: "weights.bin", sizeBytes: 64, tensorCount: 1 }]);
    expect(summary.initializerBytes).toBe(16);
  });

  test("is the same from a path and from bytes", async () => {
    const bytes = demoConvNet({ seed: 3, channels: 32 });
    const path = join(directory, "demo.onnx");
    const file = openSync(path, "w");
    writeSync(file, bytes);
    closeSync(file);
    expect(await readModelSummary({ path })).toEqual(await readModelSummary({ bytes }));
  });
});

/** A model with one raw tensor of `megabytes`, as a file whose weights are a hole: it takes no room on the disk. */
function writeLargeModel(path: string, megabytes: number): number {
  const payload = megabytes * 1024 * 1024;
  const varint = (value: number) => new WireWriter().varint(1, value).finish().subarray(1);
  const tensorStart = new WireWriter().varint(1, payload).varint(2, 2).string(8, "w").finish();
  const rawStart = new Uint8Array([0x4a, ...varint(payload)]);
  const tensorLength = tensorStart.length + rawStart.length + payload;
  const graphStart = new WireWriter()
    .message(1, (node) => node.string(1, "x").string(2, "y").string(4, "Relu"))
    .message(11, (value) => value.string(1, "x"))
    .message(12, (value) => value.string(1, "y"))
    .finish();
  const initializerStart = new Uint8Array([0x2a, ...varint(tensorLength)]);
  const graphLength = graphStart.length + initializerStart.length + tensorLength;
  const head = new WireWriter().varint(1, 8).message(8, (opset) => opset.varint(2, 17)).finish();
  const start = new Uint8Array([...head, 0x3a, ...varint(graphLength), ...graphStart, ...initializerStart, ...tensorStart, ...rawStart]);
  const file = openSync(path, "w");
  writeSync(file, start);
  ftruncateSync(file, start.length + payload);
  closeSync(file);
  return start.length + payload;
}

describe("size", () => {
  test("a model of 500 MB is read with flat memory", async () => {
    const path = join(directory, "large.onnx");
    const sizeBytes = writeLargeModel(path, 500);
    const before = process.memoryUsage().rss;
    const summary = await readModelSummary({ path });
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    expect(summary.parametersByType).toEqual({ uint8: 500 * 1024 * 1024 });
    expect(summary.modelSizeBytes).toBe(sizeBytes);
  });

  test("a model above 512 MiB is refused, and one cut short of its weights too", async () => {
    const path = join(directory, "huge.onnx");
    writeLargeModel(path, 513);
    expect((await refusal(readModelSummary({ path }))).code).toBe("file_too_large");
    const size = writeLargeModel(path, 100);
    const file = openSync(path, "r+");
    ftruncateSync(file, size - 1);
    closeSync(file);
    expect((await refusal(readModelSummary({ path }))).code).toBe("truncated");
  });
});

describe("damage", () => {
  test("a model cut at any byte is refused, never read past its end and never accepted with a part missing", async () => {
    const bytes = demoConvNet({ seed: 1, channels: 1, inputSize: 4 });
    const whole = await readModelSummary({ bytes });
    for (let length = 0; length < bytes.length; length += 1) {
      const part = await readModelSummary({ bytes: bytes.subarray(0, length) }).catch((error: unknown) => error);
      // Cut between two top-level fields a part may be a whole model by itself: then only optional things are gone.
      if (part instanceof ModelRefusal) continue;
      expect(part, `cut at ${length}`).toMatchObject({ nodeCount: whole.nodeCount, parameterCount: whole.parameterCount });
    }
  });

  test("random damage ends in a summary or a refusal, nothing else", async () => {
    const next = mulberry(20_261_124);
    const seeds = soundModels();
    for (let round = 0; round < 5_000; round += 1) {
      const seed = seeds[round % seeds.length]?.bytes ?? new Uint8Array(0);
      const bytes = Uint8Array.from(seed);
      const flips = 1 + Math.floor(next() * 4);
      for (let flip = 0; flip < flips; flip += 1) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      const result: unknown = await readModelSummary({ bytes }).catch((error: unknown) => error);
      const fine = result instanceof ModelRefusal || !(result instanceof Error);
      expect(fine, `round ${round}: ${String(result)}`).toBe(true);
    }
  });

  test("a tensor may store its numbers in the typed fields, packed or one by one", async () => {
    const int64Values = (write: (tensor: WireWriter) => WireWriter) =>
      new WireWriter()
        .varint(1, 8)
        .message(8, (opset) => opset.varint(2, 17))
        .message(7, (graph) => {
          graph.message(1, (node) => node.string(1, "shape").string(2, "y").string(4, "ConstantOfShape"));
          graph.message(5, (tensor) => write(tensor.varint(1, 2).varint(2, 7).string(8, "shape")));
          graph.message(12, (value) => value.string(1, "y"));
        })
        .finish();
    const packed = int64Values((tensor) => tensor.bytes(7, Uint8Array.of(0x80, 0x80, 0x04, 0x80, 0x80, 0x04)));
    const single = int64Values((tensor) => tensor.varint(7, 65_536).varint(7, 65_536));
    const short = int64Values((tensor) => tensor.varint(7, 65_536));
    expect((await refusal(readModelSummary({ bytes: packed }))).code).toBe("computes_too_much");
    expect((await refusal(readModelSummary({ bytes: single }))).code).toBe("computes_too_much");
    expect((await refusal(readModelSummary({ bytes: short }))).code).toBe("tensor_size_mismatch");
  });

  test("a constant of an outer graph is seen from a branch", async () => {
    const branch = (opType: string, name: string) => ({
      graph: { nodes: [{ opType, inputs: opType === "Expand" ? ["x", "big"] : ["x"], outputs: [name] }], inputs: [], outputs: [{ name, elementType: "float32" }] },
    });
    const bytes = buildModel({
      graph: {
        nodes: [{ opType: "If", inputs: ["flag"], outputs: ["y"], attributes: { then_branch: branch("Expand", "t"), else_branch: branch("Relu", "e") } }],
        inputs: [
          { name: "x", elementType: "float32", shape: [1] },
          { name: "flag", elementType: "bool", shape: [] },
        ],
        outputs: [{ name: "y", elementType: "float32" }],
        initializers: [int64Tensor("big", [2], [65_536, 65_536])],
      },
    });
    expect((await refusal(readModelSummary({ bytes }))).code).toBe("computes_too_much");
  });
});

/** The test's own generator, so that a change of the product's does not change what is tested. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
