import type { OnnxModel, OnnxTensor } from "@flotilla/runtime/ir";
import { elementCount, GraphIndex, rawTensor } from "@flotilla/runtime/ir";
import type { Pass } from "../pass.ts";
import { float32Values } from "./float-weights.ts";

export type MagnitudePruningOptions = {
  /** Share of the weights that become 0, from 0 to 1. */
  readonly sparsity: number;
  /** "layer" takes the same share of each tensor; "model" the smallest of all. Default "layer". */
  readonly scope?: "layer" | "model";
};

const ELEMENTS_MIN = 256;

/**
 * Sets the smallest weights to 0. The kernels of ONNX Runtime multiply by zeros as by anything else, so neither file nor latency
 * change: only the compressed size does.
 */
export function pruneMagnitude({ sparsity, scope = "layer" }: MagnitudePruningOptions): Pass {
  if (!(sparsity > 0 && sparsity < 1)) throw new RangeError(`a sparsity lies between 0 and 1, not at ${sparsity}`);
  return {
    name: "magnitude-pruning",
    title: `The smallest ${Math.round(sparsity * 100)} % of the weights set to 0`,
    expectedEffect: "transfer size only: compresses better, runs no faster and takes as much memory",
    exactness: "lossy",
    appliesTo: (model) => (weightTensors(model).length > 0 ? null : `the model has no float32 weights of ${ELEMENTS_MIN} values or more`),
    run(model) {
      const tensors = weightTensors(model);
      const common = scope === "model" ? threshold(tensors.map((tensor) => float32Values(tensor)), sparsity) : null;
      return tensors.map((tensor) => {
        const values = float32Values(tensor);
        const limit = common ?? threshold([values], sparsity);
        const kept = values.map((value) => (Math.abs(value) <= limit ? 0 : value));
        const zeros = kept.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
        model.graph.initializers[model.graph.initializers.indexOf(tensor)] = rawTensor(tensor.name, "float32", tensor.dims, new Uint8Array(kept.buffer));
        return { node: tensor.name, what: `${zeros} of ${kept.length} weights are 0; transfer size only` };
      });
    },
  };
}

/** Weights with at least two dimensions that only operators with weights read; biases and norms are not pruned. */
function weightTensors(model: OnnxModel): OnnxTensor[] {
  const index = new GraphIndex(model.graph);
  return model.graph.initializers.filter((tensor) => {
    const readers = index.consumers(tensor.name);
    const isWeight = readers.length > 0 && readers.every(({ opType, inputs }) => WEIGHTED.has(opType) && inputs.indexOf(tensor.name) > 0);
    return tensor.elementType === "float32" && tensor.dims.length >= 2 && elementCount(tensor.dims) >= ELEMENTS_MIN && isWeight && index.constantValue(tensor.name) !== null;
  });
}

const WEIGHTED = new Set(["Conv", "ConvTranspose", "MatMul", "Gemm", "LSTM", "GRU", "RNN"]);

/** The magnitude up to which weights go so that `sparsity` of them do. */
function threshold(tensors: readonly Float32Array[], sparsity: number): number {
  const magnitudes = new Float32Array(tensors.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const values of tensors) for (const value of values) magnitudes[at++] = Math.abs(value);
  magnitudes.sort();
  return magnitudes[Math.floor(magnitudes.length * sparsity) - 1] ?? -1;
}
