import type { GraphIndex, OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { cloneGraph, tensorNumbers } from "@flotilla/runtime/ir";
import { carryQdq } from "./carry-qdq.ts";
import type { KernelRule } from "./matrix.ts";
import { biasScaleMatches, fusionRule } from "./matrix.ts";
import type { QdqParams } from "./qdq-view.ts";
import { isDequantize, isQuantize, qdqParams, sameParams } from "./qdq-view.ts";
import { limitsOf, rint } from "../quantize/number-formats.ts";

/** How the runtime treats signed activations: x86 makes them unsigned where it can, ARM keeps them. */
export type TargetClass = "x86" | "arm";

export type Prediction = {
  readonly node: string;
  readonly opType: string;
  /** "integer": runs on integers. "merged": gone into the QuantizeLinear behind it. "removed": does nothing. "float": the rest. */
  readonly state: "integer" | "merged" | "removed" | "float";
  /** Kernel that runs it; null when nothing does. */
  readonly kernel: string | null;
  /** Why it stays float, for people; null when it does not. */
  readonly reason: string | null;
};

type Verdict = Omit<Prediction, "node" | "opType">;

const FLOAT_INPUT = "its input is float";
const NO_16_BIT = "it has no kernel for 16-bit integers";
const MERGED: Verdict = { state: "merged", kernel: null, reason: null };
const REMOVED: Verdict = { state: "removed", kernel: null, reason: null };

function staysFloat(node: OnnxNode, reason: string): Verdict {
  return { state: "float", kernel: node.opType, reason };
}

/**
 * Says for each node of the main graph, quantisers apart, whether ONNX Runtime 1.30 will run it on integers, without asking it. The
 * model is one with explicit QuantizeLinear and DequantizeLinear nodes; node names are unique.
 */
export function predictFusion(model: OnnxModel, target: TargetClass = "x86"): Prediction[] {
  const names = model.graph.nodes.filter((node) => !isQuantize(node) && !isDequantize(node)).map(({ name }) => name);
  const graph = cloneGraph(model.graph);
  const index = carryQdq(graph, target === "arm");
  const predictor = new Predictor(index, target);
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  return names.flatMap((name) => {
    const node = byName.get(name);
    return node === undefined ? [] : [{ node: name, opType: node.opType, ...predictor.verdict(node) }];
  });
}

class Predictor {
  readonly #index: GraphIndex;
  readonly #target: TargetClass;

  constructor(index: GraphIndex, target: TargetClass) {
    this.#index = index;
    this.#target = target;
  }

  verdict(node: OnnxNode): Verdict {
    if (this.#isConstant(node)) return REMOVED;
    if (this.#readsIntegers(node)) return { state: "integer", kernel: node.opType, reason: null };
    const rule = fusionRule(node);
    switch (rule.kind) {
      case "float":
        return staysFloat(node, rule.instead === null ? rule.why : `${rule.why}; it can be replaced by: ${rule.instead}`);
      case "nothing":
        return REMOVED;
      case "clips":
        return this.#isClippedByQuantize(node) ? MERGED : staysFloat(node, "no QuantizeLinear behind it clips at the same values");
      case "reads-integers":
        return this.#readingVerdict(node);
      case "moves-values":
        return this.#movingVerdict(node, rule.sixteenBit, rule.unless?.(node) ?? null);
      case "kernel":
        return this.#kernelVerdict(node, rule);
    }
  }

  /** Computed from constants alone: folded at load. */
  #isConstant(node: OnnxNode): boolean {
    if (node.opType === "Constant" && node.domain === "") return true;
    const inputs = node.inputs.filter((name) => name !== "");
    return inputs.length > 0 && inputs.every((name) => this.#index.constantValue(name) !== null);
  }

  /** Right behind a QuantizeLinear: as it stands there, nothing has to be fused. */
  #readsIntegers(node: OnnxNode): boolean {
    const producer = this.#index.producer(node.inputs[0] ?? "");
    return producer !== null && isQuantize(producer);
  }

  #readingVerdict(node: OnnxNode): Verdict {
    const input = this.#dequantize(node.inputs[0]);
    if (input === null) return staysFloat(node, FLOAT_INPUT);
    return bits(input) === 16 ? staysFloat(node, NO_16_BIT) : { state: "integer", kernel: node.opType, reason: null };
  }

  #movingVerdict(node: OnnxNode, sixteenBit: boolean, refusal: string | null): Verdict {
    if (refusal !== null) return staysFloat(node, refusal);
    const input = this.#dequantize(node.inputs[0]);
    if (input === null) return staysFloat(node, FLOAT_INPUT);
    if (!sixteenBit && bits(input) === 16) return staysFloat(node, NO_16_BIT);
    for (const output of node.outputs.filter((name) => name !== "")) {
      const quantized = this.#onlyQuantize(output);
      if (typeof quantized === "string") return staysFloat(node, quantized);
      if (!sameParams(input, quantized)) return staysFloat(node, "scale and zero point differ before and behind it");
    }
    if ((input.scales[0] ?? 0) <= 0) return staysFloat(node, "its scale is not positive");
    return { state: "integer", kernel: node.opType, reason: null };
  }

  #kernelVerdict(node: OnnxNode, rule: KernelRule): Verdict {
    const refusal = rule.unless?.(node) ?? null;
    if (refusal !== null) return staysFloat(node, refusal);
    const output = this.#outputOf(node);
    const hasFloatOutput = output === "float output" && rule.floatOutputKernel !== null;
    if (typeof output === "string" && !hasFloatOutput) return staysFloat(node, output === "float output" ? "its output is not quantised" : output);
    const quantised = typeof output === "string" ? null : output;
    const inputs = this.#kernelInputs(node, rule, quantised !== null);
    if (typeof inputs === "string") return staysFloat(node, inputs);
    const mismatch = this.#typeMismatch(rule, inputs, quantised);
    if (mismatch !== null) return staysFloat(node, mismatch);
    const bias = this.#biasProblem(node, rule);
    if (bias !== null) return staysFloat(node, bias);
    return { state: "integer", kernel: quantised === null ? rule.floatOutputKernel : rule.kernel, reason: null };
  }

  /** Parameters of the inputs that matter, "itself" entries for constants the runtime quantises; or why the node stays float. */
  #kernelInputs(node: OnnxNode, rule: KernelRule, isOutputQuantised: boolean): QdqParams[] | string {
    const found: QdqParams[] = [];
    let floats = 0;
    for (const [position, name] of node.inputs.entries()) {
      if (name === "") continue;
      const params = this.#dequantize(name);
      if (params !== null) found.push(params);
      else if (rule.dequantisedInputs === "all" && !(isOutputQuantised && this.#quantisesItself(rule, position, name))) floats += 1;
    }
    const isConstant = node.inputs.some((name) => name !== "" && this.#dequantize(name) === null && this.#index.constantValue(name) !== null);
    if (rule.dequantisedInputs !== "all" && found.length !== rule.dequantisedInputs) {
      return isConstant ? "a constant among its inputs is float" : "not all of its inputs are quantised";
    }
    if (floats > 0) return isConstant ? "a constant among its inputs is float" : "not all of its inputs are quantised";
    return found[0] === undefined || this.#dequantize(node.inputs[0]) === null && rule.types === "weights-apart" ? FLOAT_INPUT : found;
  }

  /** The runtime quantises float weights (per tensor) and float biases of one dimension itself, when the node is quantised around. */
  #quantisesItself(rule: KernelRule, position: number, name: string): boolean {
    const constant = this.#index.constantValue(name);
    if (constant === null || constant.elementType !== "float32") return false;
    if (position === 1) return rule.quantisesItself.weight;
    return position === 2 && rule.quantisesItself.bias && constant.dims.length === 1 && (constant.dims[0] ?? 0) > 1;
  }

  #typeMismatch(rule: KernelRule, inputs: readonly QdqParams[], output: QdqParams | null): string | null {
    const [first, second] = inputs;
    if (first === undefined) return null;
    const activations = rule.types === "weights-apart" ? [first] : inputs;
    if ([...inputs, ...(output === null ? [] : [output])].some((params) => bits(params) === 16)) return NO_16_BIT;
    const outputs = output === null ? [] : [output];
    if ([...activations, ...outputs].some((params) => params.elementType !== first.elementType)) return "its quantised values are of mixed types";
    if ([...activations, ...outputs].some((params) => !params.isScalar)) return "an activation has more than one scale";
    if (rule.types !== "weights-apart" || first.elementType !== "int8") return null;
    if (this.#target === "x86" && rule.kernel !== "QGemm") return "signed activations that branch stay signed, and x86 has no kernel for them";
    return second !== undefined && second.elementType !== "int8" ? "signed activations need signed weights" : null;
  }

  #biasProblem(node: OnnxNode, rule: KernelRule): string | null {
    const bias = rule.types === "weights-apart" ? this.#dequantize(node.inputs[2]) : null;
    if (bias === null) return null;
    if (bias.elementType !== "int32") return "its bias is not int32";
    const input = this.#dequantize(node.inputs[0]);
    const weight = this.#dequantize(node.inputs[1]);
    if (rule.kernel !== "QLinearConv" || input === null || weight === null) return null;
    const count = Math.max(bias.scales.length, weight.scales.length);
    for (let channel = 0; channel < count; channel += 1) {
      const product = Math.fround((input.scales[0] ?? 0) * at(weight.scales, channel));
      if (!biasScaleMatches(at(bias.scales, channel), product)) return "the scale of its bias is not the product of the scales of input and weights";
    }
    return null;
  }

  /**
   * Parameters of the only Q behind a node, looking through a Relu or Clip that this Q makes redundant; else what is there. A Relu or Clip
   * with one reader that is no Q keeps the node in float, also where it could give float.
   */
  #outputOf(node: OnnxNode): QdqParams | string {
    const name = node.outputs[0] ?? "";
    const next = this.#index.onlyConsumer(name);
    const isSeenThrough = next !== null && fusionRule(next).kind === "clips" && this.#index.onlyConsumer(next.outputs[0] ?? "") !== null;
    if (!isSeenThrough) return this.#onlyQuantize(name);
    if (!this.#isClippedByQuantize(next)) return `the ${next.opType} behind it is not what a QuantizeLinear clips anyway`;
    return this.#onlyQuantize(next.outputs[0] ?? "");
  }

  /** Parameters of the Q that alone reads a value; "float output" when no Q reads it; else why the Q does not count. */
  #onlyQuantize(name: string): QdqParams | string {
    const readers = this.#index.consumers(name);
    if (!readers.some(isQuantize)) return "float output";
    const [quantize] = readers;
    if (this.#index.isGraphOutput(name)) return "its float output is an output of the model";
    if (readers.length !== 1 || quantize === undefined) return "its float output has other readers beside the QuantizeLinear";
    return qdqParams(this.#index, quantize) ?? "the QuantizeLinear behind it has no constant scale";
  }

  /** Parameters of the DQ that makes a value; null when there is none or its scale is not constant. */
  #dequantize(name: string | undefined): QdqParams | null {
    const node = this.#index.producer(name ?? "");
    return isDequantize(node) ? qdqParams(this.#index, node) : null;
  }

  /** Whether the Q behind a Relu or Clip cuts off at least as much (ONNX Runtime takes such nodes out). */
  #isClippedByQuantize(node: OnnxNode): boolean {
    const params = this.#onlyQuantize(node.outputs[0] ?? "");
    if (typeof params === "string" || !params.isScalar || !isIntegerType(params.elementType)) return false;
    const [lowest, highest] = limitsOf(params.elementType);
    const [scale, zeroPoint] = [params.scales[0] ?? 1, params.zeroPoints[0] ?? 0];
    if (node.opType === "Relu") return zeroPoint === lowest;
    const low = this.#bound(node.inputs[1], -Infinity);
    const high = this.#bound(node.inputs[2], Infinity);
    if (low === null || high === null) return false;
    const reaches = (bound: number) => (Number.isFinite(bound) ? rint(Math.fround(bound / scale)) + zeroPoint : bound);
    return reaches(low) <= lowest && reaches(high) >= highest;
  }

  #bound(name: string | undefined, absent: number): number | null {
    if (name === undefined || name === "") return absent;
    const constant = this.#index.constantValue(name);
    return constant === null ? null : (tensorNumbers(constant)[0] ?? null);
  }
}

function isIntegerType(elementType: string): elementType is "uint8" | "int8" | "uint16" | "int16" {
  return ["uint8", "int8", "uint16", "int16"].includes(elementType);
}

function bits(params: QdqParams): number {
  return params.elementType.endsWith("16") ? 16 : 8;
}

function at(values: Float64Array, channel: number): number {
  return values[values.length === 1 ? 0 : channel] ?? 0;
}
