import type { Technique, VariantReport } from "@flotilla/fleet";
import { listPasses, simplify, widenFloat16, type SimplifyReport } from "@flotilla/optimizer";
import { cloneModel, upgradeOpset, type OnnxModel } from "@flotilla/runtime/ir";
import { TechniqueRefusal, type Made, type MakeContext, type Maker } from "./maker.ts";

/** An equal model of fewer nodes. Refused when there is nothing to take out. */
export const makeSimplified: Maker<Extract<Technique, { kind: "simplify" }>> = async (model, _technique, context) => {
  const { model: result, report } = await simplify(model, { seed: context.seed, onProgress: (line) => context.tell(line) });
  if (report.untouched !== null) throw new TechniqueRefusal(`the model cannot be simplified: ${report.untouched}`);
  const passes = passesOf(report);
  if (!passes.some((pass) => pass.changes > 0)) throw new TechniqueRefusal("there is nothing to simplify, no pass found anything to change");
  return { model: result, passes, fusion: null, warnings: [] };
};

/** QuantizeLinear with a scale per channel needs it. */
const OPSET = 13;

/**
 * The form that lossy techniques start from: single precision, operator set 13 or later, simplified. A model that cannot be
 * simplified, because nothing can be compared in ONNX Runtime, goes on as it is, with a warning.
 */
export async function groundwork(model: OnnxModel, context: Pick<MakeContext, "seed" | "tell">, target: "float" | "integer"): Promise<Made> {
  const copy = cloneModel(model);
  const passes: VariantReport["passes"] = [];
  if (widenFloat16.appliesTo(copy, {}) === null) {
    const changes = await widenFloat16.run(copy, {});
    passes.push({ name: widenFloat16.name, title: widenFloat16.title, changes: changes.length, effect: widenFloat16.expectedEffect });
  }
  const { changed } = upgradeOpset(copy, OPSET);
  if (changed.length > 0) passes.push({ name: "upgrade-opset", title: `Operators brought to set ${OPSET}`, changes: changed.length, effect: "the same operators in their newer form" });
  const { model: result, report } = await simplify(copy, { seed: context.seed, onProgress: (line) => context.tell(line) }, { target });
  const warnings = report.untouched === null ? [] : [`It was not simplified first: ${report.untouched}`];
  return { model: result, passes: [...passes, ...passesOf(report)], fusion: null, warnings };
}

function passesOf({ passes }: SimplifyReport): VariantReport["passes"] {
  const titles = new Map(listPasses().map((pass) => [pass.name, pass.title]));
  return passes.map(({ pass, outcome, reason, changes, before, after, error }) => ({
    name: pass,
    title: titles.get(pass) ?? pass,
    changes: outcome === "kept" ? changes.length : 0,
    effect: outcome === "kept" ? `${before.nodes} → ${after.nodes} nodes; ${error === null ? "outputs were not compared" : `outputs differ by at most ${error.toExponential(1)}`}` : `taken back: ${reason ?? "its result differed"}`,
  }));
}
