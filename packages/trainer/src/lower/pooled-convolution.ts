import { intAttribute, intsAttribute, makeNode, setAttribute, stringAttribute, type OnnxNode } from "@flotilla/runtime/ir";
import { elementsIn, type GraphMath } from "../autodiff/graph-math.ts";
import type { PreparedModel } from "../prepare/prepared-model.ts";
import type { ForwardForm } from "../rules/rule.ts";
import { windowsOf, type Windows } from "../rules/windows.ts";
import { paddedPixels } from "./image-columns.ts";
import { learntValues } from "./learnt-values.ts";

/**
 * A convolution whose output goes through a pool of 2 × 2, with or without a Relu between: computed as four convolutions, one for each corner of the pool's windows, and a tournament among
 * them. What the pool would drop at the edge is never computed, a Relu works on a quarter of the values, and the gradient knows the winner by three comparisons in place of an index for each.
 */
const [PLAIN, WITH_RELU] = ["ConvMaxPool", "ConvReluMaxPool"] as const;
export const POOLED_CONVOLUTIONS = [PLAIN, WITH_RELU] as const;

/** Rows and columns of the corners of a window of 2 × 2. */
const CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]] as const;
/** With fewer channels slices are quicker than gathering pixel by pixel. */
const GATHERED_CHANNELS = 8;
/** A table of where pixels are gathered from is part of the graph. */
const TABLE_MAX = 65_536;

/** The pools of the model that are written together with the learnt convolution before them: what stands for them, and the nodes it stands for. */
export function pooledConvolutions(prepared: PreparedModel): Map<OnnxNode, { readonly node: OnnxNode; readonly replaced: readonly OnnxNode[] }> {
  const { nodes, types, outputs } = prepared;
  const learnt = learntValues(prepared);
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const uses = new Map<string, number>();
  for (const name of [...outputs, ...nodes.flatMap(({ inputs }) => inputs)]) uses.set(name, (uses.get(name) ?? 0) + 1);
  const onlyFor = (name: string | undefined): OnnxNode | undefined => (name !== undefined && uses.get(name) === 1 ? producers.get(name) : undefined);
  const found = new Map<OnnxNode, { node: OnnxNode; replaced: readonly OnnxNode[] }>();
  for (const pool of nodes) {
    if (!isPoolOfFour(pool)) continue;
    const before = onlyFor(pool.inputs[0]);
    const relu = before?.opType === "Relu" && before.domain === "" ? before : undefined;
    const conv = relu === undefined ? before : onlyFor(relu.inputs[0]);
    if (conv?.opType !== "Conv" || conv.domain !== "" || !learnt.has(conv.inputs[1] ?? "") || intAttribute(conv, "group", 1) !== 1) continue;
    const [shape = [], kernel = [], out = []] = [conv.inputs[0], conv.inputs[1], conv.outputs[0]].map((name) => types.get(name ?? "")?.dims);
    if (shape.length !== 4 || out.slice(2).some((side) => side < 2) || types.get(conv.outputs[0] ?? "")?.elementType !== "float32") continue;
    const node = makeNode(relu === undefined ? PLAIN : WITH_RELU, conv.inputs, [pool.outputs[0] ?? ""], {}, { name: conv.name });
    const { before: from, after, strides, dilations } = windowsOf(conv, shape.slice(2), out.slice(2), kernel.slice(2));
    for (const [name, ints] of [["pads", [...from, ...after]], ["strides", strides], ["dilations", dilations]] as const) setAttribute(node, name, { ints });
    found.set(pool, { node, replaced: relu === undefined ? [conv] : [conv, relu] });
  }
  return found;
}

function isPoolOfFour(node: OnnxNode): boolean {
  const all = (name: string, wanted: number, missing: boolean): boolean => intsAttribute(node, name)?.every((n) => n === wanted) ?? missing;
  return node.opType === "MaxPool" && node.domain === "" && (node.outputs[1] ?? "") === "" && intsAttribute(node, "kernel_shape")?.length === 2 && all("kernel_shape", 2, false) && all("strides", 2, false)
    && all("pads", 0, true) && all("dilations", 1, true) && intAttribute(node, "ceil_mode", 0) === 0 && ["NOTSET", "VALID", ""].includes(stringAttribute(node, "auto_pad", "NOTSET"));
}

type Shapes = { readonly n: number; readonly channels: number; readonly filters: number; readonly pooled: readonly [number, number]; readonly windows: Windows };

export function shapesOf(node: OnnxNode, dims: (value: string) => readonly number[]): Shapes {
  const [x = "", weight = ""] = node.inputs;
  const [n = 1, channels = 1, ...spatial] = dims(x);
  const [filters = 1, , ...kernel] = dims(weight);
  const windows = windowsOf(node, spatial, spatial, kernel);
  const [height = 1, width = 1] = spatial.map((side, i) => {
    const reach = ((kernel[i] ?? 1) - 1) * (windows.dilations[i] ?? 1) + 1;
    return Math.floor((Math.floor((side + (windows.before[i] ?? 0) + (windows.after[i] ?? 0) - reach) / (windows.strides[i] ?? 1)) + 1) / 2);
  });
  return { n, channels, filters, pooled: [height, width], windows };
}

export const pooledConvolution: ForwardForm = ({ math, node, inputs: [x = "", weight = "", bias = ""], outputs: [y = ""], dims }) => {
  const shapes = shapesOf(node, dims);
  const { n, filters, pooled: [height, width] } = shapes;
  const kernel = math.reshape(math.transpose(weight, [0, 2, 3, 1]), [filters, elementsIn(dims(weight).slice(1))]);
  const columns = CORNERS.map(([down, right]) => cornerColumns(math, x, dims(x), shapes, down, right));
  const [z0 = "", z1 = "", z2 = "", z3 = ""] = columns.map((rows) => math.matrixProduct(rows, kernel, { transposesB: true, bias }));
  const [upper, lower] = [math.maximum(z0, z1), math.maximum(z2, z3)];
  const largest = math.maximum(upper, lower);
  const answer = node.opType === WITH_RELU ? math.unary("Relu", largest) : largest;
  const pixels = math.reshape(answer, [n, height, width, filters]);
  math.transposeAs(y, pixels, [0, 3, 1, 2]);
  return { z0, z1, z2, z3, upper, lower, answer, columns0: columns[0] ?? "", columns1: columns[1] ?? "", columns2: columns[2] ?? "", columns3: columns[3] ?? "" };
};

/** What the kernel sees at one corner of each of the pool's windows: [n · windows, kernelHeight · kernelWidth · channels]. */
function cornerColumns(math: GraphMath, x: string, shape: readonly number[], { n, channels, pooled: [height, width], windows }: Shapes, cornerDown: number, cornerRight: number): string {
  const { kernel: [rows = 1, columns = 1], strides: [down = 1, right = 1], dilations: [farDown = 1, farRight = 1] } = windows;
  const pixels = paddedPixels(math, x, { shape, out: shape, windows });
  const [, padded = 1, wide = 1] = math.dims(pixels);
  const taps = Array.from({ length: rows * columns }, (_, i): [number, number] => [Math.floor(i / columns) * farDown + cornerDown * down, (i % columns) * farRight + cornerRight * right]);
  const each = [n * height * width, rows * columns * channels];
  if (channels >= GATHERED_CHANNELS && height * width * taps.length <= TABLE_MAX) {
    const table = Array.from({ length: height * width }, (_, at) => taps.map(([top, left]) => (2 * down * Math.floor(at / width) + top) * wide + 2 * right * (at % width) + left)).flat();
    const flat = math.reshape(pixels, [n, padded * wide, channels]);
    return math.reshape(math.emit("Gather", [flat, math.int32s(table)], [n, table.length, channels], { axis: { int: 1 } }), each);
  }
  const seen = taps.map(([top, left]) => math.once(`every second of ${pixels} ${top} ${left} ${height} ${width} ${down} ${right}`, () =>
    math.slice(pixels, [1, 2], [top, left], [top + 2 * down * (height - 1) + 1, left + 2 * right * (width - 1) + 1], [2 * down, 2 * right])));
  return math.reshape(math.concat(seen, 3), each);
}
