import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModel } from "./backend.ts";
import { demoConvNet } from "./demo-models.ts";
import { checkGoldenSet, makeGoldenSet } from "./golden-set.ts";
import type { NodeDescription, ValueDescription } from "./onnx-writer.ts";
import { buildModel } from "./onnx-writer.ts";
import type { OpenModel, Tensor } from "./types.ts";

let directory = "";
const opened: OpenModel[] = [];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-golden-test-"));
});
afterAll(async () => {
  for (const model of opened) await model.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(bytes: Uint8Array): Promise<OpenModel> {
  const path = join(directory, `${opened.length}.onnx`);
  writeFileSync(path, bytes);
  const model = await openModel(path);
  opened.push(model);
  return model;
}

/** A model of one node, from x to y. */
function oneNode(node: Partial<NodeDescription>, output: Partial<ValueDescription> = {}, size = 8): Promise<OpenModel> {
  return open(
    buildModel({
      graph: {
        nodes: [{ opType: "Relu", inputs: ["x"], outputs: ["y"], ...node }],
        inputs: [{ name: "x", elementType: "float32", shape: ["n", size] }],
        outputs: [{ name: "y", elementType: "float32", shape: ["n", size], ...output }],
      },
    }),
  );
}

describe("a golden set", () => {
  test("passes on the model it was made from and fails on the same network with other weights", async () => {
    const model = await open(demoConvNet({ seed: 1 }));
    const golden = await makeGoldenSet(model);
    expect(await checkGoldenSet(model, golden)).toEqual({ ok: true, comparedValues: 30, maxAbsError: 0, maxRelError: 0, failures: [] });
    const other = await checkGoldenSet(await open(demoConvNet({ seed: 2 })), golden);
    expect(other.ok).toBe(false);
    expect(other.failures).toHaveLength(3);
    expect(other.failures[0]).toMatchObject({ seed: 1, output: "scores", reason: expect.stringContaining("values differ") as string });
    expect(other.maxAbsError).toBeGreaterThan(0.001);
  });

  test("is the same bytes each time it is made", async () => {
    const model = await open(demoConvNet({ seed: 1 }));
    expect(await makeGoldenSet(model, { seeds: [5] })).toEqual(await makeGoldenSet(model, { seeds: [5] }));
  });

  test("remembers fixed dimensions", async () => {
    const model = await open(demoConvNet({ seed: 1 }));
    const golden = await makeGoldenSet(model, { seeds: [1], dimensions: { batch: 4 } });
    expect(await checkGoldenSet(model, golden)).toMatchObject({ ok: true, comparedValues: 40 });
  });

  test("stays small for large outputs and still looks at every column", async () => {
    const model = await oneNode({}, {}, 1_048_576);
    const golden = await makeGoldenSet(model, { seeds: [1] });
    expect(golden.byteLength).toBeLessThan(32_768);
    const columns = await oneNode({ opType: "Neg" }, {}, 1_048_576);
    expect((await checkGoldenSet(columns, golden)).failures[0]?.reason).toMatch(/^40\d\d of 4081 values differ/);
  });

  test("takes NaN for NaN and infinity for infinity, and never NaN for a number", async () => {
    const nan = await oneNode({ opType: "Sqrt", inputs: ["m"] }).catch(() => null);
    expect(nan).toBeNull();
    const sqrtOfNegative = (last: string) =>
      open(
        buildModel({
          graph: {
            nodes: [
              { opType: "Neg", inputs: ["x"], outputs: ["m"] },
              { opType: last, inputs: ["m"], outputs: ["y"] },
            ],
            inputs: [{ name: "x", elementType: "float32", shape: [1, 8] }],
            outputs: [{ name: "y", elementType: "float32", shape: [1, 8] }],
          },
        }),
      );
    const model = await sqrtOfNegative("Sqrt");
    const golden = await makeGoldenSet(model, { seeds: [3] });
    expect(await checkGoldenSet(model, golden)).toMatchObject({ ok: true, maxAbsError: 0 });
    const check = await checkGoldenSet(await sqrtOfNegative("Exp"), golden, { absTolerance: 1e9, relTolerance: 1e9 });
    expect(check.ok).toBe(false);
    expect(check.failures[0]?.reason).toContain("expected NaN");
  });

  test("names a missing output, an unknown output and another shape", async () => {
    const golden = await makeGoldenSet(await oneNode({}), { seeds: [1] });
    const renamed = await oneNode({ outputs: ["z"] }, { name: "z" });
    expect((await checkGoldenSet(renamed, golden)).failures.map(({ output, reason }) => `${output}: ${reason}`)).toEqual([
      "z: the golden set does not know this output",
      "y: the model has no such output",
    ]);
    const reshaped = await oneNode({ opType: "Transpose" }, { shape: [8, "n"] });
    expect((await checkGoldenSet(reshaped, golden)).failures[0]?.reason).toBe("expected float32[1,8], got float32[8,1]");
  });
});

describe("comparison of values", () => {
  /** A model that answers what it is told; only the golden set's rules are under test. */
  const answering = (tensor: Tensor): OpenModel => ({
    inputs: [],
    outputs: [],
    unsupportedOutputs: [],
    run: () => Promise.resolve({ y: tensor }),
    endProfiling: () => Promise.resolve(null),
    close: () => Promise.resolve(),
  });
  const tensor = (elementType: Tensor["elementType"], data: Tensor["data"]): Tensor => ({ elementType, shape: [data.length], data });

  test.each([
    ["float32 within the relative tolerance", tensor("float32", Float32Array.of(1000)), tensor("float32", Float32Array.of(1000.9)), true],
    ["float32 outside", tensor("float32", Float32Array.of(1000)), tensor("float32", Float32Array.of(1002)), false],
    ["float16 within", tensor("float16", Uint16Array.of(0x3c00)), tensor("float16", Uint16Array.of(0x3c01)), true],
    ["float16 outside", tensor("float16", Uint16Array.of(0x3c00)), tensor("float16", Uint16Array.of(0x3d00)), false],
    ["uint8 one step apart", tensor("uint8", Uint8Array.of(7)), tensor("uint8", Uint8Array.of(8)), true],
    ["uint8 two steps apart", tensor("uint8", Uint8Array.of(7)), tensor("uint8", Uint8Array.of(9)), false],
    ["class ids, however large, must be equal", tensor("int64", BigInt64Array.of(90_000n)), tensor("int64", BigInt64Array.of(90_001n)), false],
    ["booleans", tensor("bool", Uint8Array.of(1)), tensor("bool", Uint8Array.of(0)), false],
    ["strings", tensor("string", ["cat"]), tensor("string", ["dog"]), false],
    ["equal strings", tensor("string", ["cat"]), tensor("string", ["cat"]), true],
    ["infinity against a large number", tensor("float32", Float32Array.of(Infinity)), tensor("float32", Float32Array.of(3e38)), false],
    ["infinities of both signs", tensor("float32", Float32Array.of(Infinity)), tensor("float32", Float32Array.of(-Infinity)), false],
  ])("%s", async (_, expected, got, ok) => {
    const golden = await makeGoldenSet(answering(expected), { seeds: [1] });
    expect((await checkGoldenSet(answering(got), golden)).ok).toBe(ok);
    expect((await checkGoldenSet(answering(expected), golden)).ok).toBe(true);
  });
});

describe("bytes that are not a golden set are refused", () => {
  const valid = async () => {
    const model = await open(demoConvNet({ seed: 1 }));
    const golden = await makeGoldenSet(model, { seeds: [1] });
    return { model, text: new TextDecoder().decode(golden) };
  };
  const refuse = async (model: OpenModel, bytes: Uint8Array) => {
    const error: unknown = await checkGoldenSet(model, bytes).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "ModelRefusal", code: "golden_set_invalid" });
  };
  const utf8 = (text: string) => new TextEncoder().encode(text);

  test("each field, replaced by something hostile", async () => {
    const { model, text } = await valid();
    await refuse(model, new Uint8Array(0));
    await refuse(model, Uint8Array.of(0xff, 0xfe, 0x00));
    await refuse(model, new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20));
    await refuse(model, utf8("[".repeat(100_000)));
    await refuse(model, utf8("null"));
    const edits: [string, string][] = [
      ['"version":1', '"version":2'],
      ['"flotilla-golden-set"', '"other"'],
      ['"seed":1', '"seed":1.5'],
      ['"seed":1', '"seed":1e999'],
      ['"shape":[1,10]', '"shape":[1,-10]'],
      ['"shape":[1,10]', '"shape":[1073741824,1073741824]'],
      ['"shape":[1,10]', '"shape":[1,1000000]'],
      ['"stride":1', '"stride":0'],
      ['"stride":1', '"stride":3'],
      ['"elementType":"float32"', '"elementType":"__proto__"'],
      ['"elementType":"float32"', '"elementType":"string"'],
      ['"values":"', '"values":"AAAA'],
      ['"values":"', '"values":5,"x":"'],
      ['"dimensions":{}', '"dimensions":{"batch":-1}'],
      ['"dimensions":{}', '"dimensions":[]'],
      ['"name":"scores"', '"name":7'],
      ['"cases":[', '"cases":[null,'],
    ];
    for (const [from, to] of edits) {
      expect(text).toContain(from);
      await refuse(model, utf8(text.replace(from, to)));
    }
    await refuse(model, utf8('{"format":"flotilla-golden-set","version":1,"dimensions":{},"cases":[]}'));
  });

  test("a dimension that would make an input of gigabytes is refused before the input is made", async () => {
    const { model, text } = await valid();
    const error: unknown = await checkGoldenSet(model, utf8(text.replace('"dimensions":{}', '"dimensions":{"batch":2000000000}'))).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "tensor_too_large" });
  });
});
