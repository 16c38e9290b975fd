import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModel } from "./backend.ts";
import { demoConvNet } from "./demo-models.ts";
import { syntheticFeeds } from "./feeds.ts";
import { readModelSummary } from "./model-reader.ts";
import { buildModel, floatTensor } from "./onnx-writer.ts";
import { probeModel } from "./probe.ts";
import type { ElementType, Tensor, TensorData } from "./types.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-backend-test-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function place(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

function oneNode(opType: string, elementType: string, domain?: string): Uint8Array {
  return buildModel({
    irVersion: 10,
    opsets: [{ domain: "", version: 21 }],
    graph: {
      nodes: [{ opType, inputs: ["x"], outputs: ["y"], ...(domain === undefined ? {} : { domain }) }],
      inputs: [{ name: "x", elementType, shape: ["n"] }],
      outputs: [{ name: "y", elementType, shape: ["n"] }],
    },
  });
}

describe("tensors keep their type, shape and every bit on the way through the runtime", () => {
  test.each<[ElementType, TensorData]>([
    ["float32", Float32Array.of(1.5, -0, Infinity)],
    ["float64", Float64Array.of(1e300, -2, 0.1)],
    ["float16", Uint16Array.of(0x3c00, 0xfbff, 0x0001)],
    ["int8", Int8Array.of(-128, 0, 127)],
    ["int16", Int16Array.of(-32_768, 0, 32_767)],
    ["int32", Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1)],
    ["int64", BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n)],
    ["uint8", Uint8Array.of(0, 1, 255)],
    ["uint16", Uint16Array.of(0, 1, 65_535)],
    ["uint32", Uint32Array.of(0, 1, 2 ** 32 - 1)],
    ["uint64", BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
    ["bool", Uint8Array.of(0, 1, 1)],
    ["string", ["", "ü", "three"]],
  ])("%s", async (elementType, data) => {
    const model = await openModel(place(`${elementType}.onnx`, oneNode("Identity", elementType)));
    const x: Tensor = { elementType, shape: [3], data };
    expect(model.inputs).toEqual([{ name: "x", elementType, shape: ["n"] }]);
    expect(await model.run({ x })).toEqual({ y: x });
    await model.close();
  });
});

describe("refusals", () => {
  test("of the runtime are told in its words, without paths or source locations", async () => {
    const path = place("unknown.onnx", oneNode("NoSuchOperator", "float32"));
    const error: unknown = await openModel(path).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "load_failed", reason: expect.stringContaining("NoSuchOperator") as string });
    expect(String(error)).not.toMatch(/onnxruntime_src|::/);
    expect(String(error)).not.toContain(directory);
  });

  test("of inputs name the input", async () => {
    const model = await openModel(place("relu.onnx", oneNode("Relu", "float32")));
    const wrong = { x: { elementType: "float32", shape: [2, 2], data: new Float32Array(4) } } as const;
    await expect(model.run(wrong)).rejects.toMatchObject({ code: "run_failed" });
    await model.close();
  });
});

/** Q → DQ → MatMul(DQ(weights)) → Q → DQ, with two constants added up in front of it: something for each level to do. */
function quantisedMatMul(): Uint8Array {
  const one = (name: string, value: number) => floatTensor(name, [], [value]);
  const byte = (name: string, elementType: string, raw: Uint8Array, shape: number[] = []) => ({ name, elementType, shape, raw });
  return buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [1, 2] }],
      outputs: [{ name: "y", elementType: "float32", shape: [1, 2] }],
      initializers: [
        one("a", 0.125),
        one("b", 0.25),
        one("s", 0.1),
        byte("z", "uint8", Uint8Array.of(128)),
        byte("zw", "int8", Uint8Array.of(0)),
        byte("w", "int8", Uint8Array.of(1, 2, 3, 4), [2, 2]),
      ],
      nodes: [
        { opType: "Add", inputs: ["a", "b"], outputs: ["c"] },
        { opType: "Mul", inputs: ["x", "c"], outputs: ["scaled"] },
        { opType: "QuantizeLinear", inputs: ["scaled", "s", "z"], outputs: ["xq"] },
        { opType: "DequantizeLinear", inputs: ["xq", "s", "z"], outputs: ["xd"] },
        { opType: "DequantizeLinear", inputs: ["w", "s", "zw"], outputs: ["wd"] },
        { opType: "MatMul", inputs: ["xd", "wd"], outputs: ["m"] },
        { opType: "QuantizeLinear", inputs: ["m", "s", "z"], outputs: ["mq"] },
        { opType: "DequantizeLinear", inputs: ["mq", "s", "z"], outputs: ["y"] },
      ],
    },
  });
}

describe("the graph the runtime will run", () => {
  async function operatorsAt(graphOptimization: "disabled" | "basic" | "extended", sessionConfig: Record<string, string> = {}): Promise<string[]> {
    const optimizedModelPath = join(directory, `dumped-${graphOptimization}.onnx`);
    const model = await openModel(quantisedMatMul(), { graphOptimization, optimizedModelPath, sessionConfig });
    await model.close();
    return (await readModelSummary({ path: optimizedModelPath })).operators.map(({ opType }) => opType).sort();
  }

  test("is written for each level: as it came, with constants folded, with integer kernels", async () => {
    expect(await operatorsAt("disabled")).toEqual(["Add", "DequantizeLinear", "MatMul", "Mul", "QuantizeLinear"]);
    expect(await operatorsAt("basic")).toEqual(["DequantizeLinear", "MatMul", "Mul", "QuantizeLinear"]);
    expect(await operatorsAt("extended")).toEqual(["DequantizeLinear", "Mul", "QLinearMatMul", "QuantizeLinear"]);
  });

  test("obeys keys of the session configuration", async () => {
    expect(await operatorsAt("extended", { disable_quant_qdq: "1" })).not.toContain("QLinearMatMul");
  });

  test("gives the same numbers from a path and from memory", async () => {
    const x: Tensor = { elementType: "float32", shape: [1, 2], data: Float32Array.of(3, -8) };
    const fromPath = await openModel(place("quantised.onnx", quantisedMatMul()));
    const fromMemory = await openModel(quantisedMatMul());
    expect(await fromMemory.run({ x })).toEqual(await fromPath.run({ x }));
    await Promise.all([fromPath.close(), fromMemory.close()]);
  });
});

describe("the demo network", () => {
  test("is the same bytes for the same seed, another for another, and gives probabilities in batches", async () => {
    expect(demoConvNet({ seed: 7 })).toEqual(demoConvNet({ seed: 7 }));
    const [one, two] = [await openModel(place("one.onnx", demoConvNet({ seed: 1 }))), await openModel(place("two.onnx", demoConvNet({ seed: 2 })))];
    const feeds = syntheticFeeds(one.inputs, 1, { batch: 3 });
    const [first, second] = [(await one.run(feeds))["scores"], (await two.run(feeds))["scores"]];
    if (first === undefined || second === undefined) throw new Error("the network has no output called scores");
    expect(first.shape).toEqual([3, 10]);
    expect([...first.data].map(Number).reduce((sum, value) => sum + value, 0)).toBeCloseTo(3, 4);
    expect(first.data).not.toEqual(second.data);
    await one.close();
    await two.close();
  });

  test("is probed with layers, multiply-accumulates and latency within its budget", async () => {
    const report = await probeModel(place("probe.onnx", demoConvNet({ seed: 1, channels: 8 })), { budgetMs: 400, workDir: directory, dimensions: { batch: 2 } });
    expect(report.inputs).toEqual([{ name: "image", elementType: "float32", shape: [2, 1, 28, 28] }]);
    expect(report.outputs).toEqual([{ name: "scores", elementType: "float32", shape: [2, 10] }]);
    const perImage = 28 * 28 * 8 * 9 + 14 * 14 * 16 * 8 * 9 + 10 * 16 * 49;
    expect(report.macs).toBe(2 * perImage);
    expect(report.layers.map(({ opType }) => opType)).toContain("Gemm");
    expect(report.latencyMs.n).toBeGreaterThan(0);
    expect(report.latencyMs.method).toContain("1 thread");
  });
});

test("importing the package does not load ONNX Runtime", { skip: process.platform !== "linux" }, () => {
  const index = JSON.stringify(new URL("./index.ts", import.meta.url).href);
  const script = `const { readFileSync } = await import("node:fs"); await import(${index}); process.stdout.write(readFileSync("/proc/self/maps"))`;
  const mapped = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(mapped).toContain("node");
  expect(mapped).not.toContain("onnxruntime");
});
