import type { Technique } from "@flotilla/fleet";
import { pruneChannels } from "@flotilla/optimizer";
import type { Maker } from "./maker.ts";
import { groundwork } from "./simplified.ts";

/** Narrower layers. With examples, channels go that products miss least, and what they gave stays as far as others tell it. */
export const makePruned: Maker<Extract<Technique, { kind: "channel_pruning" }>> = async (model, { ratio, roundTo }, context) => {
  const ground = await groundwork(model, context, "float");
  const { model: pruned, report } = await pruneChannels(ground.model, { ratio, roundTo }, context.examples, { seed: context.seed });
  const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
  const channels = sum(report.groups.map((group) => group.channels));
  const removed = channels - sum(report.groups.map((group) => group.kept));
  const macs = report.macs.before === 0 ? 0 : 1 - report.macs.after / report.macs.before;
  const effect = `${removed} of ${channels} channels taken out, ${Math.round(macs * 100)} % of the multiply-accumulates; ${report.compensatedBiases} biases and the weights of ${report.compensatedWeights} products compensated`;
  return {
    model: pruned,
    passes: [...ground.passes, { name: "channel-pruning", title: "Channels taken out", changes: removed, effect }],
    fusion: null,
    warnings: [...ground.warnings, "Nothing was trained after the cut: accuracy usually falls until the model is fine-tuned."],
  };
};
