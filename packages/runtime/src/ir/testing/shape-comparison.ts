import { openModel } from "../../backend.ts";
import { syntheticFeeds } from "../../feeds.ts";
import { tensorNumbers } from "../tensor-numbers.ts";
import { cloneModel } from "../clone-model.ts";
import type { ValueType } from "../shapes/infer-shapes.ts";
import { inferShapes } from "../shapes/infer-shapes.ts";
import type { OnnxModel } from "../types.ts";
import { writeOnnx } from "../write-onnx.ts";
import type { Tensor, Tensors } from "../../types.ts";

/** How inferred types compare with what the runtime really made, over all values of the main graph that a node makes. */
export type ShapeComparison = {
  readonly values: number;
  /** Type and every dimension known and right. */
  readonly full: number;
  /** Sentences about each value that was inferred wrongly; must be empty. */
  readonly wrong: readonly string[];
  /** Values of which something was left unknown, with the operator that made them. */
  readonly open: readonly string[];
};

/**
 * Runs the model with every inner value as an output (optimisations off) and holds the inferred types against them. Dimensions
 * of inputs without a size are taken as 1, as `syntheticFeeds` does.
 */
export async function compareShapes(model: OnnxModel, options: { readonly dimensions?: Readonly<Record<string, number>>; readonly feeds?: Tensors } = {}): Promise<ShapeComparison> {
  const dimensions = options.dimensions ?? {};
  const exposed = cloneModel(model);
  for (const { type } of exposed.graph.inputs) {
    if (type?.kind === "tensor") type.shape = type.shape?.map((dim) => (dim.kind === "unknown" || (dim.kind === "param" && dimensions[dim.param] === undefined) ? { kind: "value", value: 1, denotation: "" } : dim)) ?? null;
  }
  const inferred = inferShapes(exposed, { dimensions });
  const makers = new Map(model.graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== "").map((name) => [name, node.opType] as const)));
  exposed.graph.outputs = [...makers.keys()].map((name) => ({ name, type: null, docString: "", metadata: [], unknownFields: [] }));
  const session = await openModel(writeOnnx(exposed), { graphOptimization: "disabled" });
  const results = await session.run({ ...syntheticFeeds(session.inputs, 1, dimensions), ...options.feeds });
  await session.close();
  const wrong: string[] = [];
  const open: string[] = [];
  for (const [name, actual] of Object.entries(results)) {
    const found = inferred.get(name);
    const fault = found === undefined ? null : contradiction(found, actual);
    if (fault !== null) wrong.push(`${name} of ${makers.get(name)}: ${fault}`);
    if (found === undefined || found.elementType === "undefined" || found.shape === null || found.shape.some((dim) => typeof dim !== "number")) {
      open.push(`${name} of ${makers.get(name)}`);
    }
  }
  return { values: Object.keys(results).length, full: Object.keys(results).length - open.length - wrong.length, wrong, open };
}

function contradiction({ elementType, shape, constant }: ValueType, actual: Tensor): string | null {
  const real = `${actual.elementType}[${actual.shape.join(", ")}]`;
  if (elementType !== "undefined" && elementType !== actual.elementType) return `${elementType} inferred, ${real} made`;
  if (shape !== null && shape.length !== actual.shape.length) return `[${shape.join(", ")}] inferred, ${real} made`;
  if (shape?.some((dim, axis) => typeof dim === "number" && dim !== actual.shape[axis]) === true) return `[${shape.join(", ")}] inferred, ${real} made`;
  if (constant === undefined || Array.isArray(constant.data) || actual.elementType === "string") return null;
  const numbers = tensorNumbers(constant);
  const made = Array.from(actual.data as ArrayLike<number | bigint>, Number);
  const isPlain = !["float16", "int4", "uint4"].includes(actual.elementType);
  if (isPlain && made.some((number, index) => !Object.is(number, numbers[index]) && number !== numbers[index])) {
    return `[${numbers.slice(0, 8).join(", ")}] inferred, ${real} of [${made.slice(0, 8).join(", ")}] made`;
  }
  return null;
}
