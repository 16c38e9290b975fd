import type { Technique } from "@flotilla/fleet";
import { auditFusion, searchMixedPrecision, type SearchReport } from "@flotilla/optimizer";
import { fusionReport } from "./fusion-report.ts";
import { TechniqueRefusal, type Maker } from "./maker.ts";
import { groundwork } from "./simplified.ts";

/** Of what measuring one model may take: each trial evaluates a model on all examples. */
const BUDGETS = 12;
/** Nodes that are told one by one. */
const NODES_TOLD_MAX = 50;

/**
 * int8 where it costs little, float where it costs much. Ranges and sensitivities come from the calibration split, trials are judged on the validation split: the test split
 * stays unseen. Refused with the search's own reason where nothing meets the goal, or where static int8 alone would do.
 */
export const makeMixedPrecision: Maker<Extract<Technique, { kind: "mixed_precision" }>> = async (model, { activations, reducedRange }, context) => {
  const { examples, workDir, measureBudgetMs } = context;
  if (examples === null || examples.count === 0) throw new TechniqueRefusal("it needs examples in the calibration split to measure what each layer costs");
  const validation = context.validation === null || context.validation.count === 0 ? null : context.validation;
  const ground = await groundwork(model, context, "integer");
  const options = { activations, ...(reducedRange ? { reducedRange: "all" as const } : {}), biasCorrection: { kind: "fast" as const } };
  const { maxAccuracyDropPoints, maxSizeBytes, objective } = context.goal;
  const goal = { maxAccuracyDropPoints, objective, ...(maxSizeBytes === undefined ? {} : { maxSizeBytes }) };
  const sources = { calibration: examples, verification: validation ?? examples };
  const { quantised, report } = await searchMixedPrecision(ground.model, sources, goal, options, { workDir, budgetMs: BUDGETS * measureBudgetMs, onProgress: (line) => context.tell(line) });
  if (quantised === null) throw new TechniqueRefusal((report.reason ?? "the search found nothing that meets the goal").replace(/\.$/, ""));
  if (report.reverted.length + report.useless.length === 0) throw new TechniqueRefusal("nothing has to stay in float for accuracy: static int8 is the same model");
  const audited = await auditFusion(quantised.model, { workDir, target: activations === "int8" ? "arm" : "x86" });
  const why = new Map([...report.useless.map((node) => [node, "integers are not quicker there"] as const), ...report.reverted.map((node) => [node, "it costs too much accuracy on integers"] as const)]);
  return {
    model: quantised.model,
    passes: [...ground.passes, { name: "mixed-precision", title: "Integers where they cost little", ...foundInWords(report, validation === null ? "calibration" : "validation") }],
    fusion: fusionReport(audited, quantised.report, why),
    warnings: [...ground.warnings, ...costsInWords(report), ...(validation === null ? ["There is no validation split: the goal was held against the examples that ranges were taken from."] : []), ...(report.reason === null ? [] : [report.reason])],
  };
};

function foundInWords({ nodes, reverted, useless, trials }: SearchReport, split: string): { changes: number; effect: string } {
  const changes = nodes.length - reverted.length - useless.length;
  const chosen = trials.findLast(({ keptFloat, isAccurate }) => isAccurate && keptFloat.length === reverted.length + useless.length)?.accuracy ?? null;
  const points = (value: number): string => `${value > 0 ? "+" : ""}${value.toFixed(2)}`;
  const change = chosen === null ? "" : `; ${points(chosen.differencePp)} points (95 %: ${points(chosen.lowPp)} to ${points(chosen.highPp)}) on ${chosen.n} examples of the ${split} split`;
  return { changes, effect: `${changes} of ${nodes.length} nodes on integers; ${reverted.length} stay in float for accuracy, ${useless.length} since integers save nothing there; ${trials.length} models tried${change}` };
}

/** What each node that stays in float for accuracy would have cost on integers, with its interval; the dearest first. */
function costsInWords({ nodes, reverted }: SearchReport): string[] {
  const sensitivities = new Map(nodes.map(({ node, opType, sensitivity }) => [node, { opType, sensitivity }]));
  const told = reverted.slice(0, NODES_TOLD_MAX).map((name) => {
    const { opType, sensitivity } = sensitivities.get(name) ?? { opType: "", sensitivity: null };
    if (sensitivity === null) return `${name} stays in float.`;
    const { loss, sqnrDb, examples } = sensitivity;
    const what = loss.kind === "kl" ? "nats between the classes' probabilities" : "of the outputs' energy";
    return `${name} (${opType}) stays in float: alone on integers it moves the answers by ${loss.mean.toPrecision(2)} ${what} (95 %: ${loss.low.toPrecision(2)} to ${loss.high.toPrecision(2)}, ${examples} examples), ${sqnrDb.toFixed(0)} dB signal over noise.`;
  });
  const untold = reverted.length - told.length;
  return untold === 0 ? told : [...told, `${untold} more stay in float.`];
}
