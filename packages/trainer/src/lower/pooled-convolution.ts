import { intAttribute, intsAttribute, makeNode, setAttribute, stringAttribute, type OnnxNode } from "@flotilla/runtime/ir";
import { elementsIn, type GraphMath } from "../autodiff/graph-math.ts";
import type { PreparedModel } from "../prepare/prepared-model.ts";
import type { ForwardForm } from "../rules/rule.ts";
import { windowsOf, type Windows } from "../rules/windows.ts";
import { GATHERED_CHANNELS, paddedPixels, rowsOfWindows, type Tap } from "./image-columns.ts";
import { learntValues } from "./learnt-values.ts";

/**
 * A convolution whose output goes through a pool of 2 × 2, with or without a Relu between: computed as four convolutions, one for each corner of the pool's windows, and a tournament among
 * them. What the pool would drop at the edge is never computed, a Relu works on a quarter of the values, and the gradient knows the winner by three comparisons in place of an index for each.
 */
const [PLAIN, WITH_RELU] = ["ConvMaxPool", "ConvReluMaxPool"] as const;
export const POOLED_CONVOLUTIONS = [PLAIN, WITH_RELU] as const;

/** Rows and columns of the corners of a window of 2 × 2. */
const CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]] as const;
/** With few channels what the kernel sees lies tap by tap, in pieces of a whole row; with more, pixel by pixel. */
export const areRowsOfTaps = (channels: number): boolean => channels < GATHERED_CHANNELS;

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
  leaveOutUnread([...found.values()].map(({ node }) => node), { types, uses });
  return found;
}

/** How many rows and columns of a pool's output are computed, where not all of them are read. */
const READ = "places read";

/** A pool whose output only the next of these convolutions reads need not compute what that one drops at the edge: of 13 × 13 places before a kernel of 3 × 3 and a pool, 25. */
function leaveOutUnread(convolutions: readonly OnnxNode[], { types, uses }: { types: PreparedModel["types"]; uses: ReadonlyMap<string, number> }): void {
  for (const reader of convolutions.toReversed()) {
    const [seen = ""] = reader.inputs;
    const node = uses.get(seen) === 1 ? convolutions.find(({ outputs }) => outputs[0] === seen) : undefined;
    if (node === undefined) continue;
    const shapes = shapesOf(reader, (value) => types.get(value)?.dims ?? []);
    setAttribute(node, READ, { ints: reached(shapes).map((length, i) => length - (shapes.windows.before[i] ?? 0)) });
  }
}

/** How far all windows of the pool reach into the padded image, on each side. */
export function reached({ pooled, windows: { kernel, strides, dilations } }: Shapes): number[] {
  return pooled.map((windows, i) => (2 * windows - 1) * (strides[i] ?? 1) + ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1);
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
  const read = intsAttribute(node, READ);
  const [height = 1, width = 1] = spatial.map((side, i) => {
    const reach = ((kernel[i] ?? 1) - 1) * (windows.dilations[i] ?? 1) + 1;
    return Math.min(Math.floor((Math.floor((side + (windows.before[i] ?? 0) + (windows.after[i] ?? 0) - reach) / (windows.strides[i] ?? 1)) + 1) / 2), read?.[i] ?? Number.POSITIVE_INFINITY);
  });
  return { n, channels, filters, pooled: [height, width], windows };
}

export const pooledConvolution: ForwardForm = ({ math, node, inputs: [x = "", weight = "", bias = ""], outputs: [y = ""] }) => {
  // What stands before it may be smaller than in the model.
  const dims = (value: string): readonly number[] => math.dims(value);
  const shapes = shapesOf(node, dims);
  const { n, channels, filters, pooled: [height, width] } = shapes;
  const kernel = math.reshape(math.transpose(weight, [0, 2, 3, 1]), [filters, elementsIn(dims(weight).slice(1))]);
  const columns = CORNERS.map(([down, right]) => cornerColumns(math, x, dims(x), shapes, down, right));
  const [z0 = "", z1 = "", z2 = "", z3 = ""] = columns.map((rows) => math.matrixProduct(rows, kernel, { transposesA: areRowsOfTaps(channels), transposesB: true, bias }));
  const [upper, lower] = [math.maximum(z0, z1), math.maximum(z2, z3)];
  const largest = math.maximum(upper, lower);
  const answer = node.opType === WITH_RELU ? math.unary("Relu", largest) : largest;
  const pixels = math.reshape(answer, [n, height, width, filters]);
  math.transposeAs(y, pixels, [0, 3, 1, 2]);
  return { z0, z1, z2, z3, upper, lower, answer, columns0: columns[0] ?? "", columns1: columns[1] ?? "", columns2: columns[2] ?? "", columns3: columns[3] ?? "" };
};

/** What the kernel sees at one corner of each of the pool's windows: [n · windows, kernelHeight · kernelWidth · channels], or its transpose where `areRowsOfTaps`. */
function cornerColumns(math: GraphMath, x: string, shape: readonly number[], shapes: Shapes, cornerDown: number, cornerRight: number): string {
  const { kernel: [rows = 1, columns = 1], strides: [down = 1, right = 1], dilations: [farDown = 1, farRight = 1] } = shapes.windows;
  const taps = Array.from({ length: rows * columns }, (_, i): Tap => [Math.floor(i / columns) * farDown + cornerDown * down, (i % columns) * farRight + cornerRight * right]);
  if (areRowsOfTaps(shapes.channels)) {
    const seen = math.concat(taps.map((tap) => rowsOfTap(math, x, shapes, tap)), 0);
    return math.reshape(seen, [taps.length * shapes.channels, elementsIn(math.dims(seen).slice(1))]);
  }
  const { pooled: [height, width], windows } = shapes;
  // The next window's pixels are twice the stride away.
  return rowsOfWindows(math, paddedPixels(math, x, { shape, out: shape, windows }), { taps, rows: height, columns: width, down: 2 * down, right: 2 * right });
}

/** [channels, n, windows down, windows right]. Every second column is taken apart once, so that what is copied for each tap lies in pieces of a whole row. */
function rowsOfTap(math: GraphMath, x: string, { pooled: [height, width], windows: { strides: [down = 1, right = 1], before, after } }: Shapes, [top, left]: Tap): string {
  const planes = math.once(`planes ${x} ${[...before, ...after].join()}`, () => math.transpose(math.pad(x, [0, 0, ...before], [0, 0, ...after]), [1, 0, 2, 3]));
  const [wide = 1, step] = [math.dims(planes)[3], 2 * right];
  const apart = math.once(`every ${step} columns of ${planes} from ${left % step}`, () => math.slice(planes, [3], [left % step], [wide], [step]));
  const from = Math.floor(left / step);
  return math.once(`rows of ${apart} ${top} ${from} ${height} ${width} ${down}`, () => math.slice(apart, [2, 3], [top, from], [top + 2 * down * (height - 1) + 1, from + width], [2 * down, 1]));
}
