import type { OnnxNode } from "@flotilla/runtime/ir";
import { floats, intAttribute, makeNode } from "@flotilla/runtime/ir";
import type { Pass } from "../../pass.ts";
import { readChannelAffine } from "../channel-affine.ts";
import { fits, floatConstant, isFloatType } from "../float-constant.ts";
import type { GraphView } from "../graph-view.ts";
import { numberArgument, reshapeNode } from "../operator-arguments.ts";
import { rewritePass } from "../rewrite-pass.ts";

/** Forms of more nodes than before, each with an integer kernel. In float they cost time, so only a quantiser should ask for them. */
export const splitIntoKernels: Pass = rewritePass(
  {
    name: "split-into-kernels",
    title: "Operators without integer kernels into several that have them",
    expectedEffect: "a BatchNormalization of its own, SpaceToDepth and HardSwish stay in the integer chain once quantised; slower while they are float",
    exactness: "rounding",
  },
  { BatchNormalization: loneBatchNorm, SpaceToDepth: spaceToDepth, HardSwish: hardSwish, Mul: productWithHardSigmoid },
);

/** A convolution of one weight per channel where there are spatial dimensions (its weights get a scale per channel), else Mul and Add. */
function loneBatchNorm(node: OnnxNode, view: GraphView): string | null {
  const affine = readChannelAffine(node, view);
  const elementType = view.elementType(node.inputs[0]);
  const rank = view.shape(node.inputs[0])?.length ?? 0;
  if (affine === null || !isFloatType(elementType) || rank < 2 || !fits(elementType, affine.scale) || !fits(elementType, affine.shift)) return null;
  const [output = ""] = node.outputs;
  const channels = affine.scale.length;
  const ones = Array.from({ length: rank - 2 }, () => 1);
  const isImage = rank >= 3 && rank <= 5;
  const dims = isImage ? [channels, 1, ...ones] : [channels, ...ones];
  const scale = view.addConstant(`${output}_scale`, floatConstant(elementType, dims, affine.scale));
  const shift = view.addConstant(`${output}_shift`, floatConstant(elementType, isImage ? [channels] : [channels, ...ones], affine.shift));
  if (isImage) {
    const attributes = { group: { int: channels }, kernel_shape: { ints: ones } };
    view.replace(node, makeNode("Conv", [affine.input, scale, shift], [output], attributes, { name: node.name }));
    return "BatchNormalization is a Conv of one weight per channel";
  }
  const product = view.freshName(`${output}_scaled`);
  view.replace(
    node,
    makeNode("Mul", [affine.input, scale], [product], {}, { name: node.name }),
    makeNode("Add", [product, shift], [output], {}, { name: view.freshName(`${node.name}_shift`) }),
  );
  return "BatchNormalization is Mul and Add";
}

/** [N, C, H, W] → [N, C, H/b, b, W/b, b] → [N, b, b, C, H/b, W/b] → [N, C·b², H/b, W/b] (ONNX, SpaceToDepth). */
function spaceToDepth(node: OnnxNode, view: GraphView): string | null {
  const [, channels, height, width] = view.shape(node.inputs[0]) ?? [];
  const block = intAttribute(node, "blocksize", 0);
  if (typeof channels !== "number" || typeof height !== "number" || typeof width !== "number" || block < 1) return null;
  const [output = ""] = node.outputs;
  const [rows, columns] = [height / block, width / block];
  const split = view.freshName(`${output}_split`);
  const moved = view.freshName(`${output}_moved`);
  view.replace(
    node,
    reshapeNode(view, node.inputs[0] ?? "", [0, channels, rows, block, columns, block], split, node.name),
    makeNode("Transpose", [split], [moved], { perm: { ints: [0, 3, 5, 1, 2, 4] } }, { name: view.freshName(`${node.name}_transpose`) }),
    reshapeNode(view, moved, [0, channels * block * block, rows, columns], output, view.freshName(`${node.name}_merge`)),
  );
  return "SpaceToDepth is Reshape, Transpose and Reshape";
}

/** x · min(max(x + 3, 0), 6) / 6 (ONNX, HardSwish). */
function hardSwish(node: OnnxNode, view: GraphView): string | null {
  return replaceHardSwish(node, view, node.inputs[0] ?? "");
}

/** x · HardSigmoid(x) with the slope and offset of HardSwish. */
function productWithHardSigmoid(node: OnnxNode, view: GraphView): string | null {
  for (const [at, name] of node.inputs.entries()) {
    const gate = view.privateProducer(name);
    const source = node.inputs[1 - at] ?? "";
    if (gate?.opType !== "HardSigmoid" || gate.domain !== "" || gate.inputs[0] !== source) continue;
    const alpha = numberArgument(gate, view, "alpha", 1, 0.2) ?? 0;
    const beta = numberArgument(gate, view, "beta", 2, 0.5) ?? 0;
    if (Math.abs(alpha - 1 / 6) > 1e-6 || beta !== 0.5) continue;
    const what = replaceHardSwish(node, view, source);
    if (what !== null) view.remove(gate);
    return what;
  }
  return null;
}

function replaceHardSwish(node: OnnxNode, view: GraphView, source: string): string | null {
  const [output = ""] = node.outputs;
  if (view.elementType(source) !== "float32" || view.opset < 11) return null;
  const constant = (suffix: string, value: number) => view.addConstant(`${output}_${suffix}`, floats("", [], [value]));
  const value = (suffix: string) => view.freshName(`${output}_${suffix}`);
  const [raised, bounded, gate] = [value("raised"), value("bounded"), value("gate")];
  const name = (suffix: string) => ({ name: view.freshName(`${node.name}_${suffix}`) });
  view.replace(
    node,
    makeNode("Add", [source, constant("three", 3)], [raised], {}, name("add")),
    makeNode("Clip", [raised, constant("zero", 0), constant("six", 6)], [bounded], {}, name("clip")),
    makeNode("Mul", [bounded, constant("sixth", 1 / 6)], [gate], {}, name("gate")),
    makeNode("Mul", [source, gate], [output], {}, { name: node.name }),
  );
  return "HardSwish is Add, Clip and two Mul";
}
