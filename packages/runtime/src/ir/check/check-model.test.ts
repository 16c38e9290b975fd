import { describe, expect, test } from "vitest";
import { makeNode, setAttribute } from "../attributes.ts";
import { readOnnx } from "../read-onnx.ts";
import { demoConvNet } from "../../demo-models.ts";
import { floats, int32s, int8s, rawTensor, scalarFloat, uint8s } from "../tensors.ts";
import { sampleModel, tensorValue } from "../testing/sample-model.ts";
import type { OnnxModel, OnnxNode } from "../types.ts";
import { checkModel } from "./check-model.ts";

const X = tensorValue("x", "float32", [1, 4]);
const Y = tensorValue("y", "float32", [1, 4]);
const relu = () => makeNode("Relu", ["x"], ["y"], {}, { name: "relu" });

/** A sound model with one Relu, spoilt. */
function spoilt(change: (model: OnnxModel, node: OnnxNode) => void) {
  const node = relu();
  const model = sampleModel({ nodes: [node], inputs: [X], outputs: [Y] });
  change(model, node);
  return checkModel(model);
}

test("a sound model has no problems", () => {
  expect(spoilt(() => {})).toEqual([]);
  expect(checkModel(readOnnx(demoConvNet({ seed: 1 })))).toEqual([]);
});

describe("each fault is found and named", () => {
  const branch = (output: string) => sampleModel({ nodes: [makeNode("Abs", ["x"], [output])], inputs: [], outputs: [tensorValue(output, "float32", null)] }).graph;
  const faults: [string, string, (model: OnnxModel, node: OnnxNode) => void, string | null][] = [
    ["IR version", "ir_version", (model) => (model.irVersion = 14), null],
    ["no opset", "opset_missing", (model) => (model.opsets = [{ domain: "com.microsoft", version: 1 }]), null],
    ["an opset twice", "opset_twice", (model) => model.opsets.push({ domain: "", version: 13 }), null],
    ["an opset of tomorrow", "opset_version", (model) => (model.opsets = [{ domain: "", version: 27 }]), null],
    ["a domain nobody imported", "domain_unknown", (_, node) => (node.domain = "com.acme"), "relu"],
    ["a node without operator", "operator_nameless", (_, node) => (node.opType = ""), "relu"],
    ["a node without outputs", "node_without_outputs", (model) => model.graph.nodes.push(makeNode("Relu", ["y"], [""], {}, { name: "lost" })), "lost"],
    ["two nodes of one name", "node_name_twice", (model) => model.graph.nodes.push(makeNode("Relu", ["x"], ["z"], {}, { name: "relu" })), "relu"],
    ["a value made twice", "value_made_twice", (model) => model.graph.nodes.push(makeNode("Abs", ["x"], ["y"])), "y"],
    ["a value made again in a branch", "value_made_twice", (model) => model.graph.nodes.push(makeNode("If", ["x"], ["z"], { then_branch: { graph: branch("y") } })), "y"],
    ["two initializers of one name", "value_made_twice", (model) => model.graph.initializers.push(scalarFloat("w", 1), scalarFloat("w", 2)), null],
    ["an input nothing makes", "value_undefined", (_, node) => (node.inputs = ["z"]), "relu"],
    ["an input made later", "value_read_too_early", (model) => model.graph.nodes.unshift(makeNode("Abs", ["y"], ["z"])), "z"],
    ["an output nothing makes", "output_missing", (model) => model.graph.outputs.push(tensorValue("z", "float32", null)), null],
    ["an output listed twice", "output_twice", (model) => model.graph.outputs.push(Y), null],
    ["too few bytes", "tensor_size", (model) => model.graph.initializers.push(rawTensor("w", "float32", [2], new Uint8Array(7))), null],
    ["too few nibbles", "tensor_size", (model) => model.graph.initializers.push(rawTensor("w", "int4", [3], new Uint8Array(1))), null],
    ["an unknown element type", "tensor_type", (model) => model.graph.initializers.push(rawTensor("w", "float31", [2], new Uint8Array(8))), null],
    ["texts in a tensor of numbers", "tensor_type", (model) => model.graph.initializers.push({ ...rawTensor("w", "int8", [1], new Uint8Array(1)), data: [new Uint8Array(1)] }), null],
    ["an initializer without a name", "tensor_nameless", (model) => model.graph.initializers.push(scalarFloat("", 1)), null],
    ["an attribute of the wrong type", "attribute_type", (_, node) => setAttribute(node, "axis", { float: 1 }), "relu"],
    ["an attribute twice", "attribute_twice", (_, node) => (node.attributes = [...makeNode("A", [], [], { axis: { int: 1 } }).attributes, ...makeNode("A", [], [], { axis: { int: 2 } }).attributes]), "relu"],
  ];
  for (const [title, code, change, node] of faults) {
    test(`${title}`, () => {
      const problems = spoilt(change);
      expect(problems.map((problem) => problem.code)).toEqual([code]);
      expect(problems[0]?.node).toBe(node);
    });
  }

  test("in a local function", () => {
    const body = { domain: "f", name: "f", overload: "", inputs: ["a"], outputs: ["c"], attributeNames: [], attributeDefaults: [], nodes: [makeNode("Relu", ["x"], ["b"])], opsets: [], valueInfos: [], docString: "", metadata: [], unknownFields: [] };
    const problems = spoilt((model) => model.functions.push(body, body));
    expect(problems.map(({ code }) => code)).toEqual(["value_undefined", "output_missing", "function_twice", "value_undefined", "output_missing"]);
  });

  test("at most 200 of them", () => {
    const problems = spoilt((model) => (model.graph.nodes = Array.from({ length: 500 }, (_, at) => makeNode("Relu", ["no"], [`v${at}`]))));
    expect(problems).toHaveLength(200);
  });
});

describe("hazards of quantised graphs", () => {
  /** x → DQ, weight → DQ per channel along `axis`, bias → DQ, into a Gemm or MatMul of a 4 × 4 weight. */
  function quantized(options: { opType: "Gemm" | "MatMul"; axis: number; transB?: number; biasScale?: number; scales?: number[] }) {
    const scales = options.scales ?? [0.1, 0.2, 0.3, 0.4];
    const biased = options.opType === "Gemm";
    return sampleModel({
      inputs: [tensorValue("x", "uint8", [1, 4])],
      outputs: [Y],
      initializers: [
        scalarFloat("sx", 0.5), uint8s("zx", [], [3]), int8s("w", [4, 4], Array.from({ length: 16 }, (_, at) => at)), floats("sw", [scales.length], scales),
        int32s("b", [4], [1, 2, 3, 4]), floats("sb", [scales.length], scales.map((scale) => scale * (options.biasScale ?? 0.5))),
      ],
      nodes: [
        makeNode("DequantizeLinear", ["x", "sx", "zx"], ["xf"]),
        makeNode("DequantizeLinear", ["w", "sw"], ["wf"], { axis: { int: options.axis } }, { name: "weights" }),
        makeNode("DequantizeLinear", ["b", "sb"], ["bf"], { axis: { int: 0 } }),
        makeNode(options.opType, biased ? ["xf", "wf", "bf"] : ["xf", "wf"], ["y"], biased ? { transB: { int: options.transB ?? 0 } } : {}, { name: "product" }),
      ],
    });
  }

  test("weights scaled along the axis the kernels expect pass", () => {
    for (const axis of [1, -1]) expect(checkModel(quantized({ opType: "MatMul", axis }))).toEqual([]);
    expect(checkModel(quantized({ opType: "Gemm", axis: 1 }))).toEqual([]);
    expect(checkModel(quantized({ opType: "Gemm", axis: 0, transB: 1 }))).toEqual([]);
  });

  test("weights scaled along the other axis are found", () => {
    for (const model of [quantized({ opType: "MatMul", axis: 0 }), quantized({ opType: "Gemm", axis: 0 }), quantized({ opType: "Gemm", axis: 1, transB: 1 })]) {
      expect(checkModel(model)).toEqual([expect.objectContaining({ code: "weight_axis", severity: "hazard", node: "product" })]);
    }
  });

  test("a bias scale within a hundredth passes, beyond it is found", () => {
    expect(checkModel(quantized({ opType: "Gemm", axis: 1, biasScale: 0.5 * 1.009 }))).toEqual([]);
    expect(checkModel(quantized({ opType: "Gemm", axis: 1, biasScale: 0.5 * 1.012 }))).toEqual([expect.objectContaining({ code: "bias_scale", node: "product" })]);
  });

  test("a wrong number of scales is an error", () => {
    const problems = checkModel(quantized({ opType: "MatMul", axis: 1, scales: [1, 2, 3] }));
    expect(problems[0]).toMatchObject({ code: "scale_count", severity: "error", node: "weights" });
  });
});
