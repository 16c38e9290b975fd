import { floats, int64s, intsAttribute, makeNode } from "@flotilla/runtime/ir";
import type { AttributeInput, OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { describe, expect, test } from "vitest";
import type { Pass } from "../pass.ts";
import { foldPad } from "./fold-pad.ts";
import { foldShapeArithmetic } from "./fold-shape-arithmetic.ts";
import { splitIntoKernels } from "./integer/split-into-kernels.ts";
import { useKernelOperators } from "./integer/use-kernel-operators.ts";
import { mergeActivations } from "./merge-activations.ts";
import { mergeConstantOperands } from "./merge-constant-operands.ts";
import { mergeShapeNodes } from "./merge-shape-nodes.ts";
import { plainGemm } from "./plain-gemm.ts";
import { removeDeadCode } from "./remove-dead-code.ts";
import { removeNoOps } from "./remove-no-ops.ts";
import { shareEqualValues } from "./share-equal-values.ts";
import { runPass } from "./testing/run-pass.ts";
import { smallModel, value } from "../testing/small-graphs.ts";

type Case = {
  /** What the guarantee is. */
  readonly title: string;
  readonly shape: readonly (number | string)[];
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxTensor[];
  readonly opset?: number;
  readonly outputs?: readonly string[];
  /** Operators afterwards; null when the pass must leave the model alone. */
  readonly becomes: readonly string[] | null;
};

function modelOf({ shape, nodes, constants = [], opset = 17, outputs = ["y"] }: Case): OnnxModel {
  return smallModel({ inputs: [value("x", shape)], outputs: outputs.map((name) => value(name)), nodes, initializers: constants, opset });
}

function testPass(pass: Pass, cases: readonly Case[]): void {
  describe(`${pass.name}`, () => {
    for (const each of cases) {
      test(`${each.title}`, async () => {
        const { operators, report } = await runPass(pass, modelOf(each));
        if (each.becomes === null) expect(report).toBeNull();
        else expect({ operators, outcome: report?.outcome }).toEqual({ operators: each.becomes, outcome: "kept" });
      });
    }
  });
}

const pad = (pads: readonly number[], mode = "constant", more: readonly string[] = []) => [int64s("pads", [pads.length], [...pads]), makeNode("Pad", ["x", "pads", ...more], ["p"], { mode: { string: mode } })] as const;
const [around, padAround] = pad([0, 0, 1, 1, 0, 0, 1, 1]);
const [, reflect] = pad([0, 0, 1, 1, 0, 0, 1, 1], "reflect");
const pool = (opType: string, attributes: Record<string, AttributeInput> = {}, input = "p") => makeNode(opType, [input], ["y"], { kernel_shape: { ints: [2, 2] }, ...attributes });
const image = [1, 2, 5, 5];
const weights = floats("w", [3, 2, 3, 3], Array.from({ length: 54 }, (_, at) => Math.sin(at)));

testPass(foldPad, [
  { title: "zeros become the padding of the Conv", shape: image, constants: [around, weights], nodes: [padAround, makeNode("Conv", ["p", "w"], ["y"], { pads: { ints: [1, 0, 1, 0] } })], becomes: ["Conv"] },
  { title: "other values stay in front of a Conv", shape: image, constants: [around, weights, floats("v", [], [2])], nodes: [makeNode("Pad", ["x", "pads", "v"], ["p"]), makeNode("Conv", ["p", "w"], ["y"])], becomes: null },
  { title: "a reflection stays", shape: image, constants: [around, weights], nodes: [reflect, makeNode("Conv", ["p", "w"], ["y"])], becomes: null },
  { title: "padding of channels stays", shape: image, constants: [int64s("pads", [8], [0, 1, 0, 0, 0, 0, 0, 0]), floats("w", [3, 3, 1, 1], new Float32Array(9).fill(1))], nodes: [padAround, makeNode("Conv", ["p", "w"], ["y"])], becomes: null },
  { title: "zeros in front of a MaxPool are not its padding", shape: image, constants: [around], nodes: [padAround, pool("MaxPool")], becomes: null },
  { title: "behind a Relu they are", shape: image, constants: [around], nodes: [makeNode("Relu", ["x"], ["r"]), makeNode("Pad", ["r", "pads"], ["p"]), pool("MaxPool")], becomes: ["Relu", "MaxPool"] },
  { title: "minus infinity is", shape: image, constants: [around, floats("v", [], [-Infinity])], nodes: [makeNode("Pad", ["x", "pads", "v"], ["p"]), pool("MaxPool")], becomes: ["MaxPool"] },
  { title: "an AveragePool then counts the padding", shape: image, constants: [around], nodes: [padAround, pool("AveragePool")], becomes: ["AveragePool"] },
  { title: "an AveragePool with padding it does not count keeps the Pad", shape: image, constants: [around], nodes: [padAround, pool("AveragePool", { pads: { ints: [1, 1, 1, 1] } })], becomes: null },
  { title: "a pool takes no padding as wide as its window", shape: image, constants: [int64s("pads", [8], [0, 0, 2, 2, 0, 0, 2, 2])], nodes: [padAround, pool("AveragePool")], becomes: null },
]);

const axes = (name: string, values: readonly number[]) => int64s(name, [values.length], [...values]);
const slice = (input: string, output: string, names: readonly string[]) => makeNode("Slice", [input, ...names], [output]);

testPass(mergeShapeNodes, [
  { title: "permutations are multiplied", shape: [1, 2, 3], nodes: [makeNode("Transpose", ["x"], ["t"], { perm: { ints: [1, 2, 0] } }), makeNode("Transpose", ["t"], ["y"], { perm: { ints: [0, 2, 1] } })], becomes: ["Transpose"] },
  { title: "a first Transpose that others read stays for them", shape: [1, 2, 3], outputs: ["y", "t"], nodes: [makeNode("Transpose", ["x"], ["t"], { perm: { ints: [1, 2, 0] } }), makeNode("Transpose", ["t"], ["y"], { perm: { ints: [0, 2, 1] } })], becomes: ["Transpose", "Transpose"] },
  { title: "Unsqueeze and Squeeze of the same axes are nothing", shape: [2, 3], constants: [axes("a", [0, 3]), axes("b", [-1, 0])], nodes: [makeNode("Unsqueeze", ["x", "a"], ["u"]), makeNode("Squeeze", ["u", "b"], ["s"]), makeNode("Relu", ["s"], ["y"])], becomes: ["Relu"] },
  { title: "axes of two Unsqueeze are counted in the last shape", shape: [2, 3], constants: [axes("a", [1]), axes("b", [0, 2])], nodes: [makeNode("Unsqueeze", ["x", "a"], ["u"]), makeNode("Unsqueeze", ["u", "b"], ["y"])], becomes: ["Unsqueeze"] },
  { title: "axes of two Squeeze are counted in the first shape", shape: [1, 2, 1, 3, 1], constants: [axes("a", [0, 2]), axes("b", [2])], nodes: [makeNode("Squeeze", ["x", "a"], ["u"]), makeNode("Squeeze", ["u", "b"], ["y"])], becomes: ["Squeeze"] },
  { title: "a Reshape reads through a Flatten", shape: ["N", 2, 3], constants: [axes("s", [-1, 3, 2])], nodes: [makeNode("Flatten", ["x"], ["f"]), makeNode("Reshape", ["f", "s"], ["y"])], becomes: ["Reshape"] },
  { title: "a Reshape that copies a dimension does not", shape: ["N", 2, 3], constants: [axes("s", [0, 3, 2])], nodes: [makeNode("Flatten", ["x"], ["f"]), makeNode("Reshape", ["f", "s"], ["y"])], becomes: null },
  { title: "Flatten of Flatten", shape: ["N", 2, 3], nodes: [makeNode("Flatten", ["x"], ["f"], { axis: { int: 2 } }), makeNode("Flatten", ["f"], ["y"], { axis: { int: 0 } })], becomes: ["Flatten"] },
  { title: "slices of the same axis are added up", shape: [10], constants: [axes("s", [2]), axes("e", [-1]), axes("t", [1]), axes("f", [100]), axes("z", [0])], nodes: [slice("x", "a", ["s", "e", "z"]), slice("a", "y", ["t", "f", "z"])], becomes: ["Slice"] },
  { title: "slices of the same axis of unknown size stay", shape: ["N"], constants: [axes("s", [0]), axes("e", [-1]), axes("t", [0]), axes("f", [5]), axes("z", [0])], nodes: [slice("x", "a", ["s", "e", "z"]), slice("a", "y", ["t", "f", "z"])], becomes: null },
  { title: "slices of different axes stand side by side", shape: ["N", 6], constants: [axes("s", [0]), axes("e", [1]), axes("z", [0]), axes("o", [1]), axes("f", [4])], nodes: [slice("x", "a", ["s", "e", "z"]), slice("a", "y", ["e", "f", "o"])], becomes: ["Slice"] },
  { title: "steps other than 1 are not added up", shape: [10], constants: [axes("s", [0]), axes("e", [10]), axes("z", [0]), axes("two", [2])], nodes: [slice("x", "a", ["s", "e", "z", "two"]), slice("a", "y", ["s", "two", "z"])], becomes: null },
  { title: "a Slice takes the input of a Concat that it lies in", shape: [2, 3], constants: [axes("s", [3]), axes("e", [6]), axes("o", [1])], nodes: [makeNode("Neg", ["x"], ["n"]), makeNode("Concat", ["x", "n"], ["c"], { axis: { int: -1 } }), slice("c", "p", ["s", "e", "o"]), makeNode("Relu", ["p"], ["y"])], becomes: ["Neg", "Relu"] },
  { title: "a Slice across the inputs of a Concat stays", shape: [2, 3], constants: [axes("s", [2]), axes("e", [4]), axes("o", [1])], nodes: [makeNode("Neg", ["x"], ["n"]), makeNode("Concat", ["x", "n"], ["c"], { axis: { int: 1 } }), slice("c", "y", ["s", "e", "o"])], becomes: null },
  { title: "Concat of Concat", shape: [2, 3], nodes: [makeNode("Neg", ["x"], ["n"]), makeNode("Concat", ["x", "n"], ["c"], { axis: { int: 1 } }), makeNode("Concat", ["c", "x"], ["y"], { axis: { int: 1 } })], becomes: ["Neg", "Concat"] },
]);

const scalar = (name: string, number: number) => floats(name, [], [number]);
const clip = (input: string, output: string, low: string, high: string) => makeNode("Clip", [input, low, high], [output]);

testPass(mergeActivations, [
  { title: "Relu and Clip are one Clip", shape: [4], constants: [scalar("l", -1), scalar("h", 6)], nodes: [makeNode("Relu", ["x"], ["r"]), clip("r", "y", "l", "h")], becomes: ["Clip"] },
  { title: "Clip that only bounds below 0 is part of the Relu", shape: [4], constants: [scalar("l", -5)], nodes: [makeNode("Clip", ["x", "l"], ["r"]), makeNode("Relu", ["r"], ["y"])], becomes: ["Relu"] },
  { title: "bounds that do not meet leave one value", shape: [4], constants: [scalar("l", 0), scalar("h", 1), scalar("m", 2), scalar("n", 3)], nodes: [clip("x", "a", "l", "h"), clip("a", "y", "m", "n")], becomes: ["Clip"] },
  { title: "in old operator sets bounds are attributes", opset: 9, shape: [4], nodes: [makeNode("Relu", ["x"], ["r"]), makeNode("Clip", ["r"], ["y"], { max: { float: 0.5 } })], becomes: ["Clip"] },
  { title: "a Relu that others read stays", shape: [4], outputs: ["y", "r"], constants: [scalar("l", -1), scalar("h", 6)], nodes: [makeNode("Relu", ["x"], ["r"]), clip("r", "y", "l", "h")], becomes: null },
  { title: "a Relu behind Sigmoid is nothing", shape: [4], nodes: [makeNode("Sigmoid", ["x"], ["s"]), makeNode("Relu", ["s"], ["y"])], becomes: ["Sigmoid"] },
  { title: "a Relu goes in front of the MaxPool, to the Conv", shape: image, constants: [weights], nodes: [makeNode("Conv", ["x", "w"], ["c"]), pool("MaxPool", {}, "c"), makeNode("Relu", ["y"], ["z"])], outputs: ["z"], becomes: ["Conv", "Relu", "MaxPool"] },
  { title: "not where the MaxPool reads something else", shape: image, nodes: [makeNode("Sigmoid", ["x"], ["c"]), pool("MaxPool", {}, "c"), makeNode("Relu", ["y"], ["z"])], outputs: ["z"], becomes: null },
]);

const matrix = floats("w", [3, 2], [1, 2, 3, 4, 5, 6]);
testPass(plainGemm, [
  { title: "alpha and beta go into the constants", shape: [4, 3], constants: [matrix, floats("b", [1, 2], [7, 8])], nodes: [makeNode("Gemm", ["x", "w", "b"], ["y"], { alpha: { float: 0.5 }, beta: { float: 3 } })], becomes: ["Gemm"] },
  { title: "a Gemm without factors stays", shape: [4, 3], constants: [matrix, floats("b", [2], [7, 8])], nodes: [makeNode("Gemm", ["x", "w", "b"], ["y"])], becomes: null },
  { title: "an addend per row stays", shape: [4, 3], constants: [matrix, floats("b", [4, 1], [7, 8, 9, 10])], nodes: [makeNode("Gemm", ["x", "w", "b"], ["y"], { beta: { float: 3 } })], becomes: null },
]);

const mean = (spatial: readonly number[], keepdims: number) => makeNode("ReduceMean", ["x"], ["y"], { axes: { ints: spatial }, keepdims: { int: keepdims } });
testPass(useKernelOperators, [
  { title: "the mean of an image is GlobalAveragePool", shape: image, nodes: [mean([2, 3], 1)], becomes: ["GlobalAveragePool"] },
  { title: "without the spatial dimensions a Flatten follows", shape: image, nodes: [mean([-1, -2], 0)], becomes: ["GlobalAveragePool", "Flatten"] },
  { title: "a mean over one axis of an image stays", shape: image, nodes: [mean([2], 1)], becomes: null },
  { title: "a mean over channels stays", shape: image, nodes: [mean([1, 2], 1)], becomes: null },
  { title: "axes are an input since operator set 18", opset: 18, shape: image, constants: [axes("a", [2, 3])], nodes: [makeNode("ReduceMean", ["x", "a"], ["y"])], becomes: ["GlobalAveragePool"] },
  { title: "Div and Sub of constants are Mul and Add", shape: [4], constants: [scalar("c", 3)], nodes: [makeNode("Div", ["x", "c"], ["d"]), makeNode("Sub", ["d", "c"], ["y"])], becomes: ["Mul", "Add"] },
  { title: "Div by 0 stays", shape: [4], constants: [scalar("c", 0)], nodes: [makeNode("Div", ["x", "c"], ["y"])], becomes: null },
  { title: "PRelu of one slope is LeakyRelu", shape: image, constants: [floats("s", [2, 1, 1], [0.25, 0.25])], nodes: [makeNode("PRelu", ["x", "s"], ["y"])], becomes: ["LeakyRelu"] },
  { title: "PRelu of several slopes stays", shape: image, constants: [floats("s", [2, 1, 1], [0.25, 0.5])], nodes: [makeNode("PRelu", ["x", "s"], ["y"])], becomes: null },
]);

testPass(mergeConstantOperands, [
  { title: "factors are multiplied, the smaller into the larger", shape: [2, 3], constants: [scalar("a", 3), floats("b", [2, 3], [1, 2, 3, 4, 5, 6])], nodes: [makeNode("Mul", ["x", "a"], ["m"]), makeNode("Mul", ["b", "m"], ["y"])], becomes: ["Mul"] },
  { title: "addends are added, each along its axis", shape: [2, 3], constants: [floats("a", [3], [1, 2, 3]), floats("b", [1, 1], [4])], nodes: [makeNode("Add", ["x", "a"], ["m"]), makeNode("Add", ["m", "b"], ["y"])], becomes: ["Add"] },
  { title: "a row and a column are not multiplied out", shape: [2, 3], constants: [floats("a", [3], [1, 2, 3]), floats("b", [2, 1], [4, 5])], nodes: [makeNode("Mul", ["x", "a"], ["m"]), makeNode("Mul", ["m", "b"], ["y"])], becomes: null },
  { title: "a product that others read stays", shape: [2], outputs: ["y", "m"], constants: [scalar("a", 3)], nodes: [makeNode("Mul", ["x", "a"], ["m"]), makeNode("Mul", ["m", "a"], ["y"])], becomes: null },
]);

const NORM = [floats("g", [2], [1, 2]), floats("b", [2], [0.5, -1]), floats("m", [2], [0.1, 0.2]), floats("v", [2], [1, 0.5])];
const norm = makeNode("BatchNormalization", ["x", "g", "b", "m", "v"], ["y"]);
testPass(splitIntoKernels, [
  { title: "BatchNormalization of an image is a Conv per channel", shape: image, constants: NORM, nodes: [norm], becomes: ["Conv"] },
  { title: "BatchNormalization of a matrix is Mul and Add", shape: ["N", 2], constants: NORM, nodes: [norm], becomes: ["Mul", "Add"] },
  { title: "SpaceToDepth keeps the order of its blocks", shape: ["N", 2, 4, 6], nodes: [makeNode("SpaceToDepth", ["x"], ["y"], { blocksize: { int: 2 } })], becomes: ["Reshape", "Transpose", "Reshape"] },
  { title: "HardSwish is an addition, a bound and two products", shape: [8], nodes: [makeNode("HardSwish", ["x"], ["y"])], becomes: ["Add", "Clip", "Mul", "Mul"] },
  { title: "x · HardSigmoid(x) with other numbers stays", shape: [8], nodes: [makeNode("HardSigmoid", ["x"], ["s"]), makeNode("Mul", ["x", "s"], ["y"])], becomes: null },
  { title: "x · HardSigmoid(x) with those of HardSwish is the same", shape: [8], nodes: [makeNode("HardSigmoid", ["x"], ["s"], { alpha: { float: 1 / 6 } }), makeNode("Mul", ["s", "x"], ["y"])], becomes: ["Add", "Clip", "Mul", "Mul"] },
]);

testPass(removeNoOps, [
  { title: "a cast to half precision and back rounds, so it stays", shape: [4], nodes: [makeNode("Cast", ["x"], ["h"], { to: { int: 10 } }), makeNode("Cast", ["h"], ["y"], { to: { int: 1 } })], becomes: null },
  { title: "a cast to double precision and back does not", shape: [4], nodes: [makeNode("Neg", ["x"], ["n"]), makeNode("Cast", ["n"], ["d"], { to: { int: 11 } }), makeNode("Cast", ["d"], ["y"], { to: { int: 1 } })], becomes: ["Neg"] },
  { title: "adding zeros that enlarge the value is something", shape: [1, 2], constants: [floats("z", [3, 2], new Float32Array(6))], nodes: [makeNode("Add", ["x", "z"], ["y"])], becomes: null },
  { title: "a node from an input to an output stays", shape: [4], nodes: [makeNode("Identity", ["x"], ["y"])], becomes: null },
  { title: "an output keeps its name", shape: [4], nodes: [makeNode("Neg", ["x"], ["n"]), makeNode("Identity", ["n"], ["y"])], becomes: ["Neg"] },
  { title: "two outputs of one value need two names", shape: [4], outputs: ["y", "n"], nodes: [makeNode("Neg", ["x"], ["n"]), makeNode("Identity", ["n"], ["y"])], becomes: null },
  { title: "Dropout whose mask is read stays", shape: [4], outputs: ["y", "m"], nodes: [makeNode("Neg", ["x"], ["n"]), makeNode("Dropout", ["n"], ["y", "k"]), makeNode("Cast", ["k"], ["m"], { to: { int: 1 } })], becomes: null },
]);

testPass(shareEqualValues, [
  { title: "the same of the same is computed once, and what follows from it", shape: [4], nodes: [makeNode("Neg", ["x"], ["a"]), makeNode("Neg", ["x"], ["b"]), makeNode("Exp", ["a"], ["c"]), makeNode("Exp", ["b"], ["d"]), makeNode("Add", ["c", "d"], ["y"])], becomes: ["Neg", "Exp", "Add"] },
  { title: "other attributes are another value", shape: [4], nodes: [makeNode("Elu", ["x"], ["a"], { alpha: { float: 1 } }), makeNode("Elu", ["x"], ["b"], { alpha: { float: 2 } }), makeNode("Add", ["a", "b"], ["y"])], becomes: null },
  { title: "equal constants of other types are not one", shape: [4], constants: [floats("c", [1], [0]), int64s("i", [1], [0])], nodes: [makeNode("Gather", ["x", "i"], ["g"]), makeNode("Add", ["g", "c"], ["y"])], becomes: null },
]);

testPass(removeDeadCode, [{ title: "what leads to no output goes", shape: [4], constants: [floats("c", [1], [3])], nodes: [makeNode("Neg", ["x"], ["a"]), makeNode("Mul", ["a", "c"], ["b"]), makeNode("Relu", ["x"], ["y"])], becomes: ["Relu"] }]);

test("shape arithmetic over a symbolic batch becomes a Reshape that copies it", async () => {
  const nodes = [makeNode("Transpose", ["x"], ["t"], { perm: { ints: [0, 2, 1] } }), makeNode("Shape", ["t"], ["s"]), makeNode("Gather", ["s", "zero"], ["n"]), makeNode("Concat", ["n", "rest"], ["target"], { axis: { int: 0 } }), makeNode("Reshape", ["t", "target"], ["y"])];
  const model = smallModel({ inputs: [value("x", ["N", 4, 6])], outputs: [value("y")], initializers: [axes("zero", [0]), axes("rest", [2, 12])], nodes });
  const { operators, model: result } = await runPass(foldShapeArithmetic, model);
  expect(operators).toEqual(["Transpose", "Reshape"]);
  expect(result.graph.inputs).toEqual(model.graph.inputs);
});

test("the merged permutation is that of both", async () => {
  const nodes = [makeNode("Transpose", ["x"], ["t"], { perm: { ints: [1, 2, 0] } }), makeNode("Transpose", ["t"], ["y"], { perm: { ints: [0, 2, 1] } })];
  const { model } = await runPass(mergeShapeNodes, smallModel({ inputs: [value("x", [1, 2, 3])], outputs: [value("y")], nodes }));
  expect(model.graph.nodes.map((node) => intsAttribute(node, "perm"))).toEqual([[1, 0, 2]]);
});
