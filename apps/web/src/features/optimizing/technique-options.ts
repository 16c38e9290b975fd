import type { Technique } from "@flotilla/fleet";

type Kind = Technique["kind"];

/** One thing to choose of a technique. `unit` is written behind a number. */
type TechniqueOption =
  | { field: string; label: string; type: "choice"; choices: readonly { value: string | number; label: string }[] }
  | { field: string; label: string; type: "switch"; hint?: string }
  | { field: string; label: string; type: "number"; min: number; max: number; step: number };

/** As the API fills in what is left out. */
export const freshTechniques: { readonly [K in Kind]: Extract<Technique, { kind: K }> } = {
  simplify: { kind: "simplify" },
  static_int8: { kind: "static_int8", activations: "uint8", weights: "per_channel", reducedRange: false, calibration: "mse", equalisation: "none", biasCorrection: true, rounding: "nearest", keepFloat: [] },
  dynamic_int8: { kind: "dynamic_int8", reducedRange: false, keepFloat: [] },
  fp16_storage: { kind: "fp16_storage" },
  weight_blocks: { kind: "weight_blocks", bits: 8, blockSize: 32, symmetric: true, rounding: "nearest" },
  channel_pruning: { kind: "channel_pruning", ratio: 0.25, roundTo: 8 },
  magnitude_pruning: { kind: "magnitude_pruning", sparsity: 0.5 },
  mixed_precision: { kind: "mixed_precision", activations: "uint8", reducedRange: false },
};

const activations: TechniqueOption = { field: "activations", label: "Activations", type: "choice", choices: [{ value: "uint8", label: "unsigned (U8S8)" }, { value: "int8", label: "signed (S8S8)" }] };
const reducedRange: TechniqueOption = { field: "reducedRange", label: "Weights in 7 bits", type: "switch", hint: "nothing saturates on x86 CPUs without VNNI" };

export const techniqueOptions: Record<Kind, readonly TechniqueOption[]> = {
  simplify: [],
  static_int8: [
    activations,
    { field: "weights", label: "Scales", type: "choice", choices: [{ value: "per_channel", label: "per channel" }, { value: "per_tensor", label: "per tensor" }] },
    { field: "calibration", label: "Ranges from", type: "choice", choices: [{ value: "mse", label: "least squared error" }, { value: "min_max", label: "least and most" }, { value: "percentile", label: "percentile" }, { value: "entropy", label: "entropy" }] },
    { field: "equalisation", label: "Equalisation", type: "choice", choices: [{ value: "none", label: "none" }, { value: "cross_layer", label: "across layers" }, { value: "smooth_quant", label: "SmoothQuant" }] },
    { field: "rounding", label: "Rounding", type: "choice", choices: [{ value: "nearest", label: "to the nearest" }, { value: "adaptive", label: "adaptive" }] },
    { field: "biasCorrection", label: "Bias correction", type: "switch" },
    reducedRange,
  ],
  dynamic_int8: [reducedRange],
  fp16_storage: [],
  weight_blocks: [
    { field: "bits", label: "Bits", type: "choice", choices: [{ value: 4, label: "4" }, { value: 8, label: "8" }] },
    { field: "blockSize", label: "Block size", type: "choice", choices: [16, 32, 64, 128].map((value) => ({ value, label: String(value) })) },
    { field: "symmetric", label: "Symmetric", type: "switch" },
    { field: "rounding", label: "Rounding", type: "choice", choices: [{ value: "nearest", label: "to the nearest" }, { value: "least_squares", label: "least squares" }, { value: "half_quadratic", label: "half-quadratic" }, { value: "compensated", label: "compensated (needs examples)" }] },
  ],
  channel_pruning: [
    { field: "ratio", label: "Share of channels", type: "number", min: 0.01, max: 0.95, step: 0.01 },
    { field: "roundTo", label: "In steps of", type: "number", min: 1, max: 64, step: 1 },
  ],
  magnitude_pruning: [{ field: "sparsity", label: "Share of zeros", type: "number", min: 0.05, max: 0.99, step: 0.01 }],
  mixed_precision: [activations, reducedRange],
};

/** The technique with one option changed; numbers stay within what the API takes. */
export function withOption(technique: Technique, option: TechniqueOption, value: string | number | boolean): Technique {
  const taken = option.type === "number" ? Math.min(option.max, Math.max(option.min, Number(value) || option.min)) : option.type === "choice" ? (option.choices.find((choice) => String(choice.value) === String(value))?.value ?? value) : value;
  return { ...technique, [option.field]: taken };
}

export function optionValue(technique: Technique, option: TechniqueOption): string | number | boolean {
  return (technique as unknown as Record<string, string | number | boolean>)[option.field] ?? "";
}
