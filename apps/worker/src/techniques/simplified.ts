import type { Technique, VariantReport } from "@flotilla/fleet";
import { listPasses, simplify, type SimplifyReport } from "@flotilla/optimizer";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { TechniqueRefusal, type Made, type MakeContext, type Maker } from "./maker.ts";

/** An equal model of fewer nodes. Refused when there is nothing to take out. */
export const makeSimplified: Maker<Extract<Technique, { kind: "simplify" }>> = async (model, _technique, context) => {
  const made = await simplified(model, context, "float");
  if (made.passes.length === 0) throw new TechniqueRefusal("There is nothing to simplify: no pass found anything to change.");
  return made;
};

/** The same as a step before others, which need its normal form also where nothing was taken out. */
export async function simplified(model: OnnxModel, context: MakeContext, target: "float" | "integer"): Promise<Made> {
  const { model: result, report } = await simplify(model, { seed: context.seed, onProgress: (line) => context.tell(line) }, { target });
  if (report.untouched !== null) throw new TechniqueRefusal(`The model was not simplified: ${report.untouched}`);
  return { model: result, passes: passesOf(report), fusion: null, warnings: [] };
}

function passesOf({ passes }: SimplifyReport): VariantReport["passes"] {
  const titles = new Map(listPasses().map((pass) => [pass.name, pass.title]));
  return passes.map(({ pass, outcome, reason, changes, before, after, error }) => ({
    name: pass,
    title: titles.get(pass) ?? pass,
    changes: outcome === "kept" ? changes.length : 0,
    effect: outcome === "kept" ? `${before.nodes} → ${after.nodes} nodes; outputs differ by at most ${error.toExponential(1)}` : `taken back: ${reason ?? "its result differed"}`,
  }));
}
