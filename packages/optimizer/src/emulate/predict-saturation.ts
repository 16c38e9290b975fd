import { isDeepStrictEqual } from "node:util";
import type { Tensors } from "@flotilla/runtime";
import { openModel, runtimeFacts } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { writeOnnx } from "@flotilla/runtime/ir";
import type { Evaluation, Runnable } from "../evaluate/evaluate-variant.ts";
import { evaluateVariant } from "../evaluate/evaluate-variant.ts";
import type { ExampleSource } from "../examples.ts";
import type { Emulation, EmulatedLayer } from "./emulation.ts";
import { openEmulation } from "./emulation.ts";
import { AS_ON_X86 } from "./fused-model.ts";

export type SaturationContext = {
  /** For temporary files. */
  readonly workDir: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
};

type LayerSaturation = EmulatedLayer & {
  /** Pairs of products that did not fit 16 bits, all examples together. */
  readonly events: number;
  readonly examplesAffected: number;
  /** Seven-bit weights (−64 … 64) in this layer would end the events: two products are at most 255 · 64 · 2 = 32,640. */
  readonly suggestedReducedRange: boolean;
};

export type SaturationReport = {
  readonly examples: number;
  /** Kernels that sum products of integers, in the order they run. */
  readonly layers: readonly LayerSaturation[];
  /** On how many examples something was clipped. */
  readonly examplesAffected: number;
  /**
   * The model as x86 CPUs with VNNI run it (before) against x86 CPUs without (after): accuracy where there are labels, agreement always.
   * ARM gives what VNNI gives, up to layers with int8 activations that branch: integers there, mostly floats on x86.
   */
  readonly withoutVnni: Evaluation;
  /** Where the exact answers came from. */
  readonly exactBy: "this machine" | "emulator";
  /** On a machine without VNNI, which can answer itself: on how many examples every output was the predicted one, bit for bit. Else null. */
  readonly identicalHere: number | null;
};

/**
 * Predicts how a QDQ model answers on x86 CPUs without VNNI, where neighbouring products of uint8 activations and int8 weights are
 * added in 16 bits. Layers in which no pair can overflow, whatever the input, run in ONNX Runtime: there is nothing to clip in them,
 * so every CPU gives their exact sums. The others are emulated with clipped sums, each fed with what the clipped layers before it gave.
 *
 * Activations of int8 are no way out: x86 makes them uint8 (`AS_ON_X86`), so the prediction is that of the uint8 twin with the zero point
 * moved by 128. Only layers whose signed activations branch cannot saturate: they run on floats, or without pairs. On ARM nothing saturates, whatever
 * the types; this says nothing about it.
 */
export async function predictSaturation(model: OnnxModel, examples: ExampleSource, context: SaturationContext): Promise<SaturationReport> {
  const { workDir, signal, onProgress } = context;
  const saturating = await openEmulation(model, { arithmetic: "saturating", workDir });
  const isExactHere = await addsIn32Bits();
  const own = await openModel(writeOnnx(model), { graphOptimization: "extended", sessionConfig: AS_ON_X86 });
  const exact = isExactHere ? own : null;
  const exactEmulation = exact === null ? await openEmulation(model, { arithmetic: "exact", workDir }) : null;
  const counter = new EventCounter(saturating);
  let identical = 0;
  try {
    const { inputs } = own;
    const parent: Runnable = exact ?? { inputs, run: async (feeds) => (await exactEmulation?.run(feeds))?.outputs ?? {} };
    const withoutVnni = await evaluateVariant({
      parent,
      variant: {
        inputs,
        run: async (feeds) => {
          const predicted = await counter.run(feeds);
          if (exact === null && areIdentical(predicted, await own.run(feeds))) identical += 1;
          return predicted;
        },
      },
      examples,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    return { examples: examples.count, ...counter.result(), withoutVnni, exactBy: exact === null ? "emulator" : "this machine", identicalHere: exact === null ? identical : null };
  } finally {
    await saturating.close();
    await own.close();
    await exactEmulation?.close();
  }
}

/** Whether integer kernels of this machine sum in 32 bits. */
export async function addsIn32Bits(): Promise<boolean> {
  const { arch, isa } = await runtimeFacts();
  return arch !== "x64" || EXACT_FLAGS.some((flag) => isa.includes(flag));
}

const EXACT_FLAGS = ["avx512_vnni", "avx_vnni", "amx_int8"];

function areIdentical(one: Tensors, other: Tensors): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => isDeepStrictEqual(one[name]?.data, other[name]?.data));
}

/** Runs the emulation and remembers what was clipped where. */
class EventCounter {
  readonly #emulation: Emulation;
  readonly #events = new Map<string, { events: number; examples: number }>();
  #affected = 0;

  constructor(emulation: Emulation) {
    this.#emulation = emulation;
  }

  async run(feeds: Tensors): Promise<Tensors> {
    const { outputs, events } = await this.#emulation.run(feeds);
    let any = false;
    for (const [node, count] of events) {
      if (count === 0) continue;
      any = true;
      const known = this.#events.get(node) ?? { events: 0, examples: 0 };
      this.#events.set(node, { events: known.events + count, examples: known.examples + 1 });
    }
    if (any) this.#affected += 1;
    return outputs;
  }

  result(): Pick<SaturationReport, "layers" | "examplesAffected"> {
    const layers = this.#emulation.layers.map((layer) => {
      const { events, examples } = this.#events.get(layer.node) ?? { events: 0, examples: 0 };
      return { ...layer, events, examplesAffected: examples, suggestedReducedRange: events > 0 };
    });
    return { layers, examplesAffected: this.#affected };
  }
}
