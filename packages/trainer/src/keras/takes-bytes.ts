import { tensorNumbers, type OnnxModel, type OnnxNode } from "@flotilla/runtime/ir";

/** Deviation of the pixels of pictures from 0 to 1, about. */
const PIXEL_DEVIATION = 0.25;
/** Half way, in decades, between the variances of pixels to 1 and of pixels to 255. */
const MIDDLE_RATIO = 255;
/** What stands between an input and its first convolution. */
const PASSING: ReadonlySet<string> = new Set(["Transpose", "Pad"]);

/**
 * Whether a network was trained on pixels from 0 to 255: its first convolution feeds a norm, which remembers how far the convolution's outputs vary. That is compared with what its weights make of pixels from 0 to 1 that
 * vary alone (variance · Σw²); bytes vary 65,025 times as much, and a factor of some dozens, by neighbours that are alike, does not blur that. False where there is no such norm.
 */
export function takesBytes({ graph }: OnnxModel): boolean {
  const [input] = graph.inputs;
  const convolution = input === undefined ? undefined : behind(graph.nodes, input.name, "Conv");
  const norm = convolution === undefined ? undefined : behind(graph.nodes, convolution.outputs[0] ?? "", "BatchNormalization");
  const numbers = (name: string | undefined): number[] => { const tensor = graph.initializers.find((candidate) => candidate.name === name); return tensor === undefined ? [] : [...tensorNumbers(tensor)].map(Number); };
  const [weights, variances] = [numbers(convolution?.inputs[1]), numbers(norm?.inputs[4])];
  const each = weights.length / variances.length;
  if (!Number.isInteger(each) || each === 0) return false;
  const ratios = variances.flatMap((variance, filter) => {
    const energy = weights.slice(filter * each, (filter + 1) * each).reduce((sum, weight) => sum + weight * weight, 0);
    return energy > 0 ? [variance / (PIXEL_DEVIATION ** 2 * energy)] : [];
  }).toSorted((a, b) => a - b);
  return (ratios[Math.floor(ratios.length / 2)] ?? 0) > MIDDLE_RATIO;
}

/** The node of that kind that reads a value, at once or behind what only rearranges it; undefined when something else reads it too. */
function behind(nodes: readonly OnnxNode[], value: string, opType: string): OnnxNode | undefined {
  const readers = nodes.filter(({ inputs }) => inputs.includes(value));
  const [reader] = readers;
  if (reader === undefined || readers.length > 1) return undefined;
  if (PASSING.has(reader.opType)) return behind(nodes, reader.outputs[0] ?? "", opType);
  return reader.opType === opType ? reader : undefined;
}
