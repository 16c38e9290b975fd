import type { Technique } from "@flotilla/fleet";
import { auditFusion, searchMixedPrecision } from "@flotilla/optimizer";
import { fusionReport } from "./fusion-report.ts";
import { TechniqueRefusal, type Maker } from "./maker.ts";
import { groundwork } from "./simplified.ts";

/** Of what measuring one model may take: each trial evaluates a model on all examples. */
const BUDGETS = 12;

/**
 * int8 where it costs little, float where it costs much. Ranges, sensitivities and trials all come from the calibration split: the test split stays unseen. Refused with the
 * search's own reason where nothing meets the goal, or where static int8 alone would do.
 */
export const makeMixedPrecision: Maker<Extract<Technique, { kind: "mixed_precision" }>> = async (model, { activations, reducedRange }, context) => {
  const { examples } = context;
  if (examples === null || examples.count === 0) throw new TechniqueRefusal("it needs examples in the calibration split to measure what each layer costs");
  const ground = await groundwork(model, context, "integer");
  const options = { activations, ...(reducedRange ? { reducedRange: "all" as const } : {}), biasCorrection: { kind: "fast" as const } };
  const { maxAccuracyDropPoints, maxSizeBytes, objective } = context.goal;
  const goal = { maxAccuracyDropPoints, objective, ...(maxSizeBytes === undefined ? {} : { maxSizeBytes }) };
  const found = await searchMixedPrecision(ground.model, { calibration: examples, verification: examples }, goal, options, { workDir: context.workDir, budgetMs: BUDGETS * context.measureBudgetMs, onProgress: (line) => context.tell(line) });
  const { report } = found;
  if (found.model === null) throw new TechniqueRefusal((report.reason ?? "the search found nothing that meets the goal").replace(/\.$/, ""));
  if (report.reverted.length + report.useless.length === 0) throw new TechniqueRefusal("nothing has to stay in float for accuracy: static int8 is the same model");
  const audited = await auditFusion(found.model, { workDir: context.workDir, target: activations === "int8" ? "arm" : "x86" });
  const integers = report.nodes.length - report.reverted.length - report.useless.length;
  const effect = `${integers} of ${report.nodes.length} products on integers; ${report.reverted.length} stay in float for accuracy, ${report.useless.length} since integers save nothing there; ${report.trials.length} models tried`;
  return {
    model: found.model,
    passes: [...ground.passes, { name: "mixed-precision", title: "Integers where they cost little", changes: integers, effect }],
    fusion: fusionReport(audited, { nodes: [], guards: [] }),
    warnings: [...ground.warnings, ...report.reverted.map((node) => costOf(node, report.nodes)), ...(report.reason === null ? [] : [report.reason])],
  };
};

type Rated = Awaited<ReturnType<typeof searchMixedPrecision>>["report"]["nodes"];

/** What a node that stays in float would have cost on integers, with its interval. */
function costOf(name: string, nodes: Rated): string {
  const found = nodes.find(({ node }) => node === name);
  if (found === undefined) return `${name} stays in float.`;
  const { loss, sqnrDb, opType, examples } = found;
  return `${name} (${opType}) stays in float: on integers alone it changes the answers by ${loss.mean.toPrecision(2)} (${loss.low.toPrecision(2)} to ${loss.high.toPrecision(2)}, ${loss.kind}, ${examples} examples; ${sqnrDb.toFixed(0)} dB signal to noise).`;
}
