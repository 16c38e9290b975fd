import type { GraphIndex, OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { elementCount, floats, int8s } from "@flotilla/runtime/ir";
import type { PassChange } from "../pass.ts";
import type { NumberFormat } from "../quantize/number-formats.ts";
import { quantiseWeights, weightScales } from "../quantize/weight-quantisation.ts";
import { float32Values } from "./float-weights.ts";

/**
 * The edit that turns an LSTM with at least `weightsMin` constant input weights into DynamicQuantizeLSTM (com.microsoft), or null for other nodes. Its weights lie
 * transposed, [directions, inputs, 4 · hidden], and have a scale per column of each direction.
 */
export function dynamicLstm(node: OnnxNode, index: GraphIndex, weightsMin: number, format: NumberFormat): ((model: OnnxModel) => PassChange) | null {
  if (node.opType !== "LSTM" || node.domain !== "") return null;
  const [w, r] = [index.constantValue(node.inputs[1] ?? ""), index.constantValue(node.inputs[2] ?? "")];
  const isTaken = w?.elementType === "float32" && r?.elementType === "float32" && w.dims.length === 3 && r.dims.length === 3;
  // Batches first are for the float kernel alone.
  if (!isTaken || elementCount(w.dims) < weightsMin || node.attributes.some(({ name, ...value }) => name === "layout" && value.type === "int" && value.value !== 0n)) return null;
  return (model) => {
    const [input, recurrence] = [turned(w, index, format), turned(r, index, format)];
    model.graph.initializers.push(...input.tensors, ...recurrence.tensors);
    const optional = (at: number) => node.inputs[at] ?? "";
    node.inputs = [optional(0), input.codes, recurrence.codes, optional(3), optional(4), optional(5), optional(6), optional(7)];
    node.inputs.push(input.scale, input.zero, recurrence.scale, recurrence.zero);
    node.opType = "DynamicQuantizeLSTM";
    node.domain = "com.microsoft";
    if (!model.opsets.some(({ domain }) => domain === "com.microsoft")) model.opsets.push({ domain: "com.microsoft", version: 1 });
    return { node: node.name === "" ? (node.outputs[0] ?? "") : node.name, what: `LSTM weights ${w.dims.join(" × ")} and ${r.dims.join(" × ")} in int8` };
  };
}

type Turned = { readonly codes: string; readonly scale: string; readonly zero: string; readonly tensors: readonly OnnxTensor[] };

/** [directions, rows, inputs] as int8 [directions, inputs, rows] with a scale per direction and row. */
function turned(tensor: OnnxTensor, index: GraphIndex, format: NumberFormat): Turned {
  const [directions = 0, rows = 0, inputs = 0] = tensor.dims;
  const layout = { outer: 1, channels: directions * rows, inner: inputs };
  const weights = float32Values(tensor);
  const { values, scales } = quantiseWeights(weights, layout, weightScales(weights, layout, format));
  const codes = new Int8Array(values.length);
  for (let direction = 0; direction < directions; direction += 1) {
    const start = direction * rows * inputs;
    for (let row = 0; row < rows; row += 1) for (let k = 0; k < inputs; k += 1) codes[start + k * rows + row] = values[start + row * inputs + k] ?? 0;
  }
  const [name, scale, zero] = [index.freshName(`${tensor.name}_int8`), index.freshName(`${tensor.name}_scale`), index.freshName(`${tensor.name}_zero`)];
  return {
    codes: name,
    scale,
    zero,
    tensors: [int8s(name, [directions, inputs, rows], codes), floats(scale, [directions, rows], scales), int8s(zero, [directions, rows], new Int8Array(directions * rows))],
  };
}
