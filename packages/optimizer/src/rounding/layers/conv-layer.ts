import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, intsAttribute, stringAttribute } from "@flotilla/runtime/ir";
import type { MatrixLayer, RowReader } from "../matrix-layer.ts";

/** Conv (ONNX opset 11) of any spatial rank: a row is the patch that one place of the output sees, channel after channel. */
export function convLayer(node: OnnxNode, weightDims: readonly number[]): MatrixLayer | null {
  const [filters = 0, channels = 0, ...kernel] = weightDims;
  const groups = intAttribute(node, "group", 1);
  const columns = filters / groups;
  if (kernel.length === 0 || !Number.isInteger(columns)) return null;
  const depth = channels * product(kernel);
  const window: Window = {
    kernel,
    channels,
    groups,
    columns,
    strides: intsAttribute(node, "strides") ?? kernel.map(() => 1),
    dilations: intsAttribute(node, "dilations") ?? kernel.map(() => 1),
    pads: intsAttribute(node, "pads") ?? [...kernel, ...kernel].map(() => 0),
    autoPad: stringAttribute(node, "auto_pad", "NOTSET") || "NOTSET",
  };
  return { groups, depth, columns, factor: 1, weightIndex: (group, k, column) => (group * columns + column) * depth + k, rowsOf: (shape) => patches(shape, window) };
}

type Window = {
  readonly kernel: readonly number[];
  /** Channels and filters of one group. */
  readonly channels: number;
  readonly columns: number;
  readonly groups: number;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly autoPad: string;
};

type Axis = { readonly length: number; readonly outputs: number; readonly before: number; readonly stride: number; readonly dilation: number; readonly kernel: number };

function axisOf({ kernel, strides, dilations, pads, autoPad }: Window, at: number, length: number): Axis {
  const [size, stride, dilation] = [kernel[at] ?? 1, strides[at] ?? 1, dilations[at] ?? 1];
  const reach = (size - 1) * dilation + 1;
  const common = { length, stride, dilation, kernel: size };
  if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
    const outputs = Math.ceil(length / stride);
    const padding = Math.max(0, (outputs - 1) * stride + reach - length);
    return { ...common, outputs, before: autoPad === "SAME_UPPER" ? Math.floor(padding / 2) : Math.ceil(padding / 2) };
  }
  const [before, after] = autoPad === "VALID" ? [0, 0] : [pads[at] ?? 0, pads[kernel.length + at] ?? 0];
  return { ...common, outputs: Math.floor((length + before + after - reach) / stride) + 1, before };
}

function patches(shape: readonly number[], window: Window): RowReader {
  const [images = 1, , ...spatial] = shape;
  const axes = window.kernel.map((_, at) => axisOf(window, at, spatial[at] ?? 1));
  const [inputPlaces, outputPlaces, kernelPlaces] = [product(spatial), product(axes.map(({ outputs }) => outputs)), product(window.kernel)];
  const { channels, columns, groups } = window;
  const sources = new Int32Array(kernelPlaces);
  return {
    rows: images * outputPlaces,
    read(data, row, group, into, at) {
      fillSources(sources, row % outputPlaces, axes);
      const image = Math.floor(row / outputPlaces);
      for (let channel = 0; channel < channels; channel += 1) {
        const start = (image * groups * channels + group * channels + channel) * inputPlaces;
        for (let place = 0; place < kernelPlaces; place += 1) {
          const source = sources[place] ?? -1;
          into[at + channel * kernelPlaces + place] = source < 0 ? 0 : (data[start + source] ?? 0);
        }
      }
    },
    outputIndex: (row, group, column) => (Math.floor(row / outputPlaces) * groups * columns + group * columns + column) * outputPlaces + (row % outputPlaces),
  };
}

/** For each place of the kernel at one place of the output the flat place of the input, or -1 in the padding. */
function fillSources(sources: Int32Array, place: number, axes: readonly Axis[]): void {
  for (let source = 0; source < sources.length; source += 1) {
    let [output, rest, stride, found] = [place, source, 1, 0];
    for (let at = axes.length - 1; at >= 0 && found >= 0; at -= 1) {
      const axis = axes[at];
      if (axis === undefined) break;
      const index = (output % axis.outputs) * axis.stride - axis.before + (rest % axis.kernel) * axis.dilation;
      found = index < 0 || index >= axis.length ? -1 : found + index * stride;
      output = Math.floor(output / axis.outputs);
      rest = Math.floor(rest / axis.kernel);
      stride *= axis.length;
    }
    sources[source] = found;
  }
}

function product(dims: readonly number[]): number {
  return dims.reduce((all, dim) => all * dim, 1);
}
