import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, intsAttribute, stringAttribute, tensorNumbers } from "@flotilla/runtime/ir";
import type { Constants, DotLayer, PatchLayout } from "../dot-layer.ts";
import { constantNumbers, inputParams, isPairedOn, NotEmulated, packFilters, quantisedFinish } from "../dot-layer.ts";

/**
 * QLinearConv (ONNX opset 10) of any spatial rank. The CPU kernel brings images into channels-last order: a patch runs over the
 * places of the kernel, at each over the channels of the group. Padding has the value of the zero point.
 */
export function qlinearConv(node: OnnxNode, constants: Constants): DotLayer {
  const [x = "", xScale, xZero, w = "", wScale, wZero, yScale, yZero, bias] = node.inputs;
  const weights = constants(w);
  if (weights === null) throw new NotEmulated("its weights are not constant");
  const [filters = 0, channels = 0, ...kernel] = weights.dims;
  const values = tensorNumbers(weights);
  const places = product(kernel);
  const groups = intAttribute(node, "group", 1);
  const input = inputParams(constants, xScale, xZero);
  const packed = packFilters({
    groups,
    columns: filters / groups,
    depth: places * channels,
    zeros: constantNumbers(constants, wZero, "its weights' zero point"),
    bias: bias === undefined || bias === "" ? null : constantNumbers(constants, bias, "its bias"),
    weight: (filter, k) => values[(filter * channels + (k % channels)) * places + Math.floor(k / channels)] ?? 0,
  });
  const window = { kernel, channels, filters, zero: input.zero, paddedDepth: packed.paddedDepth, ...geometry(node, kernel) };
  return {
    node,
    opType: node.opType,
    activations: x,
    input,
    ranged: null,
    output: node.outputs[0] ?? "",
    filters: packed,
    finish: quantisedFinish(constants, { scale: yScale, zero: yZero }, constantNumbers(constants, wScale, "its weights' scale")),
    // One channel and one filter a group is a kernel of its own, which adds in 32 bits everywhere.
    isPaired: isPairedOn(constants, xZero, w) && !(channels === 1 && filters === groups && groups > 1),
    layOut: (shape) => convLayout(shape, window),
  };
}

type Geometry = { readonly strides: readonly number[]; readonly dilations: readonly number[]; readonly pads: readonly number[]; readonly autoPad: string };

function geometry(node: OnnxNode, kernel: readonly number[]): Geometry {
  return {
    strides: intsAttribute(node, "strides") ?? kernel.map(() => 1),
    dilations: intsAttribute(node, "dilations") ?? kernel.map(() => 1),
    pads: intsAttribute(node, "pads") ?? [...kernel, ...kernel].map(() => 0),
    autoPad: stringAttribute(node, "auto_pad", "NOTSET") || "NOTSET",
  };
}

type Window = Geometry & {
  readonly kernel: readonly number[];
  readonly channels: number;
  readonly filters: number;
  readonly zero: number;
  readonly paddedDepth: number;
};

/** Output length and padding in front along one spatial axis (ONNX Conv). */
function axisOf(window: Window, axis: number, length: number): { readonly output: number; readonly before: number } {
  const { kernel, strides, dilations, pads, autoPad } = window;
  const stride = strides[axis] ?? 1;
  const reach = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
  if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
    const output = Math.ceil(length / stride);
    const padding = Math.max(0, (output - 1) * stride + reach - length);
    return { output, before: autoPad === "SAME_UPPER" ? Math.floor(padding / 2) : Math.ceil(padding / 2) };
  }
  const before = autoPad === "VALID" ? 0 : (pads[axis] ?? 0);
  const after = autoPad === "VALID" ? 0 : (pads[kernel.length + axis] ?? 0);
  return { output: Math.floor((length + before + after - reach) / stride) + 1, before };
}

function convLayout(shape: readonly number[], window: Window): PatchLayout {
  const { kernel, channels, filters, zero, paddedDepth } = window;
  const [images = 1, allChannels = 0, ...spatial] = shape;
  const axes = kernel.map((_, axis) => axisOf(window, axis, spatial[axis] ?? 1));
  const outputs = axes.map(({ output }) => output);
  const places = product(kernel);
  const tables = axes.map((axis, at) => axisTable(axis, at, spatial[at] ?? 1, window));
  const sources = new Int32Array(places);
  const [positions, inputSpatial] = [product(outputs), product(spatial)];
  return {
    outputShape: [images, filters, ...outputs],
    rows: images * positions,
    spatial: positions,
    fill(data, group, firstRow, rowCount, into) {
      for (let row = 0; row < rowCount; row += 1) {
        const image = Math.floor((firstRow + row) / positions);
        fillSources(sources, (firstRow + row) % positions, tables);
        const start = (image * allChannels + group * channels) * inputSpatial;
        let at = row * paddedDepth;
        const end = at + paddedDepth;
        for (let place = 0; place < places; place += 1) {
          const source = sources[place] ?? -1;
          if (source < 0) for (let channel = 0; channel < channels; channel += 1) into[at++] = zero;
          else for (let from = start + source, channel = 0; channel < channels; channel += 1, from += inputSpatial) into[at++] = data[from] ?? 0;
        }
        into.fill(0, at, end);
      }
    },
  };
}

/** One spatial axis: for output o and kernel place k the input index at `o * kernel + k`, or -1 in the padding. */
type AxisTable = { readonly indices: Int32Array; readonly outputs: number; readonly kernel: number; readonly length: number };

function axisTable({ output, before }: { readonly output: number; readonly before: number }, axis: number, length: number, window: Window): AxisTable {
  const kernel = window.kernel[axis] ?? 1;
  const [stride, dilation] = [window.strides[axis] ?? 1, window.dilations[axis] ?? 1];
  const indices = Int32Array.from({ length: output * kernel }, (_, at) => {
    const index = Math.floor(at / kernel) * stride - before + (at % kernel) * dilation;
    return index < 0 || index >= length ? -1 : index;
  });
  return { indices, outputs: output, kernel, length };
}

/** For each place of the kernel at one output position the flat input position it reads, or -1 in the padding. */
function fillSources(sources: Int32Array, position: number, tables: readonly AxisTable[]): void {
  sources.fill(0);
  let [rest, inputStride, places] = [position, 1, 1];
  for (let axis = tables.length - 1; axis >= 0; axis -= 1) {
    const table = tables[axis];
    if (table === undefined) continue;
    const output = rest % table.outputs;
    rest = (rest - output) / table.outputs;
    for (let place = 0; place < sources.length; place += 1) {
      const index = table.indices[output * table.kernel + (Math.floor(place / places) % table.kernel)] ?? -1;
      const known = sources[place] ?? -1;
      sources[place] = known < 0 || index < 0 ? -1 : known + index * inputStride;
    }
    inputStride *= table.length;
    places *= table.kernel;
  }
}

function product(dims: readonly number[]): number {
  return dims.reduce((all, dim) => all * dim, 1);
}
