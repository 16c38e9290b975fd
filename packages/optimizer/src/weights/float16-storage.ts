import { float16ToNumber, numberToFloat16 } from "@flotilla/runtime";
import type { OnnxModel, OnnxTensor } from "@flotilla/runtime/ir";
import { elementCount, GraphIndex, makeNode, rawTensor } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import { float32Values } from "./float-weights.ts";

/** Below this the Cast node takes as many bytes as the tensor gives back. */
const ELEMENTS_MIN = 64;
const FLOAT = 1;

/**
 * Keeps float32 weights as float16 with a Cast in front of their readers. ONNX Runtime folds the Casts when it loads: half the file,
 * float32 speed, no sum in half precision. A tensor that has a value beyond ±65,504 stays as it is.
 */
export const storeFloat16: Pass = {
  name: "float16-storage",
  title: "Weights stored in half precision",
  expectedEffect: "half the size; same speed, since the runtime widens the weights when it loads",
  exactness: "lossy",
  appliesTo: (model) => (candidates(model).length > 0 ? null : `the model has no float32 weights of ${ELEMENTS_MIN} values or more`),
  run(model) {
    const changes: PassChange[] = [];
    const index = new GraphIndex(model.graph);
    const casts = [];
    for (const tensor of candidates(model)) {
      const rounding = roundToHalf(float32Values(tensor));
      if (rounding.bits === null) {
        changes.push({ node: tensor.name, what: `kept in float32: it holds ${rounding.largest}, and float16 ends at 65,504` });
        continue;
      }
      const half = index.freshName(`${tensor.name}_half`);
      model.graph.initializers[model.graph.initializers.indexOf(tensor)] = rawTensor(half, "float16", tensor.dims, new Uint8Array(rounding.bits.buffer));
      casts.push(makeNode("Cast", [half], [tensor.name], { to: { int: FLOAT } }, { name: index.freshName(`${tensor.name}_widen`) }));
      changes.push({ node: tensor.name, what: roundingSentence(rounding) });
    }
    model.graph.nodes.unshift(...casts);
    return changes.some(({ what }) => what.startsWith("stored")) ? changes : [];
  },
};

/** Weights that may go through a Cast: what QuantizeLinear and its kin read has to stay a constant. */
function candidates(model: OnnxModel): OnnxTensor[] {
  const index = new GraphIndex(model.graph);
  const outputs = new Set(model.graph.outputs.map(({ name }) => name));
  return model.graph.initializers.filter(
    (tensor) =>
      tensor.elementType === "float32" &&
      elementCount(tensor.dims) >= ELEMENTS_MIN &&
      index.constantValue(tensor.name) !== null &&
      !outputs.has(tensor.name) &&
      index.consumers(tensor.name).every(({ opType, domain }) => domain === "" && opType !== "QuantizeLinear" && opType !== "DequantizeLinear"),
  );
}

type Rounding = {
  readonly bits: Uint16Array | null;
  readonly largest: number;
  /** Of the values that float16 represents normally (2^-14 and up): at most 2^-11. */
  readonly maxRelativeError: number;
  readonly maxAbsError: number;
  /** Values other than 0 that became 0. */
  readonly lost: number;
  readonly count: number;
};

const FLOAT16_MAX = 65_504;
const FLOAT16_NORMAL_MIN = 2 ** -14;

/** `bits` is null when a value is out of range or not finite. */
function roundToHalf(values: Float32Array): Rounding {
  const bits = new Uint16Array(values.length);
  let [largest, maxRelativeError, maxAbsError, lost, isInRange] = [0, 0, 0, 0, true];
  for (const [index, value] of values.entries()) {
    const magnitude = Math.abs(value);
    if (magnitude > Math.abs(largest) || Number.isNaN(value)) largest = value;
    if (!(magnitude <= FLOAT16_MAX)) isInRange = false;
    const half = numberToFloat16(value);
    bits[index] = half;
    const error = Math.abs(float16ToNumber(half) - value);
    if (error > maxAbsError) maxAbsError = error;
    if (magnitude >= FLOAT16_NORMAL_MIN && error / magnitude > maxRelativeError) maxRelativeError = error / magnitude;
    if (magnitude > 0 && (half & 0x7fff) === 0) lost += 1;
  }
  return { bits: isInRange ? bits : null, largest, maxRelativeError, maxAbsError, lost, count: values.length };
}

function roundingSentence({ count, maxAbsError, maxRelativeError, lost }: Rounding): string {
  const error = `largest rounding ${maxAbsError.toExponential(1)}, relative ${maxRelativeError.toExponential(1)}`;
  return `stored in float16: ${count} values, ${error}${lost === 0 ? "" : `, ${lost} too small for it became 0`}`;
}
