import type { Technique } from "@flotilla/fleet";
import { auditFusion, quantizeStatic } from "@flotilla/optimizer";
import { fusionReport } from "./fusion-report.ts";
import { TechniqueRefusal, type Maker } from "./maker.ts";
import { groundwork } from "./simplified.ts";

type StaticInt8 = Extract<Technique, { kind: "static_int8" }>;
type QuantizeOptions = NonNullable<Parameters<typeof quantizeStatic>[2]>;

const methods: Record<StaticInt8["calibration"], NonNullable<QuantizeOptions["calibration"]>> = {
  min_max: { kind: "min-max" },
  percentile: { kind: "percentile", percent: 99.99 },
  mse: { kind: "least-squares" },
  entropy: { kind: "least-divergence" },
};

/** 8-bit weights and activations where ONNX Runtime has integer kernels, and an audit of what it really runs on integers. */
export const makeStaticInt8: Maker<StaticInt8> = async (model, technique, context) => {
  if (context.examples === null || context.examples.count === 0) throw new TechniqueRefusal("it needs examples in the calibration split to take ranges from");
  const ground = await groundwork(model, context, "integer");
  const { model: quantised, report } = await quantizeStatic(ground.model, context.examples, {
    activations: technique.activations,
    perChannel: technique.weights === "per_channel",
    calibration: methods[technique.calibration],
    keepFloat: technique.keepFloat,
    ...(technique.reducedRange ? { reducedRange: "all" as const } : {}),
    ...(technique.biasCorrection ? { biasCorrection: { kind: "fast" as const } } : {}),
    equalise: technique.equalisation === "cross_layer",
    smooth: technique.equalisation === "smooth_quant",
    rounding: technique.rounding,
  });
  const integers = report.nodes.filter(({ state }) => state === "integer").length;
  const effect = `${integers} of ${report.nodes.length} nodes on integers; ranges of ${report.tensors.length} tensors from ${report.examples} examples; ${report.correctedBiases} biases corrected${roundingEffect(report.rounding)}`;
  const audited = await auditFusion(quantised, { workDir: context.workDir, target: technique.activations === "int8" ? "arm" : "x86" });
  const drifting = report.tensors.filter(({ drift }) => drift !== null && (drift > DRIFT_MAX || drift < 1 / DRIFT_MAX)).length;
  const warnings = drifting === 0 ? [] : [`The ranges of ${drifting} tensors still moved in the second half of the examples: more of them would help.`];
  return {
    model: quantised,
    passes: [...ground.passes, { name: "static-int8", title: "Static int8 quantisation", changes: integers, effect }],
    fusion: fusionReport(audited, report),
    warnings: [...ground.warnings, ...warnings],
  };
};

function roundingEffect(layers: Awaited<ReturnType<typeof quantizeStatic>>["report"]["rounding"]): string {
  if (layers.length === 0) return "";
  const adapted = layers.filter(({ isAdapted }) => isAdapted);
  const moved = adapted.reduce((sum, layer) => sum + layer.moved, 0);
  return `; ${adapted.length} of ${layers.length} layers keep their outputs better with ${moved} weights rounded the other way`;
}

/** Width of a range over the second half of the examples ÷ that over the first. */
const DRIFT_MAX = 1.5;
