import type { OnnxNode } from "@flotilla/runtime/ir";
import type { GraphMath } from "../autodiff/graph-math.ts";
import type { PreparedModel } from "../prepare/prepared-model.ts";
import type { ForwardForm } from "../rules/rule.ts";
import { isDepthwise, isPointwise, windowsOf } from "../rules/windows.ts";
import { isChannelMajor } from "./channel-major.ts";
import { denseConvolution, isProductOfColumns } from "./dense-convolution.ts";
import { depthwiseConvolution } from "./depthwise-convolution.ts";
import { pointwiseConvolution } from "./pointwise-convolution.ts";

/** The form in which a convolution with learnt weights is written; undefined where it stays as it is. */
export function convolutionForm(math: GraphMath, node: OnnxNode, { types }: PreparedModel, learnt: ReadonlySet<string>): ForwardForm | undefined {
  const [x = "", weight = ""] = node.inputs;
  const [shape = [], kernel = [], out = []] = [x, weight, node.outputs[0] ?? ""].map((name) => types.get(name)?.dims);
  if (node.opType !== "Conv" || node.domain !== "" || !learnt.has(weight) || types.get(x)?.elementType !== "float32") return undefined;
  if (isProductOfColumns(shape, kernel, out)) return denseConvolution;
  const windows = windowsOf(node, shape.slice(2), out.slice(2), kernel.slice(2));
  if (shape.length === 4 && isDepthwise(windows, shape, kernel)) return depthwiseConvolution;
  return isPointwise(windows) && isChannelMajor(math, x) ? pointwiseConvolution : undefined;
}
