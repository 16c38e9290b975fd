import { loadavg } from "node:os";
import { pruneChannels } from "@flotilla/optimizer";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { DEFAULT_RECIPE, quantizeForTraining, storeQuantized, train, type ExampleSource, type TrainingContext, type TrainingRecipe } from "@flotilla/trainer";
import { mnist } from "../optimizer/examples.ts";
import type { Row } from "../optimizer/row.ts";
import { drawn } from "./digits.ts";
import { differenceInWords, percent, recoveredShare } from "./paired-answers.ts";
import { rightAnswers, rightShare } from "./right-answers.ts";
import { seedCnn } from "./seed-cnn.ts";
import { withUnevenChannels } from "./uneven-channels.ts";

const CONTEXT: TrainingContext = { threads: 2, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve() };
const RECOVERED_MIN = 0.8;
const RECOVERY_SECONDS_MAX = 60;
const [MACS_SHARE_MAX, LOST_MAX] = [0.5, 0.005];
const PRUNED_CHANNELS = 0.32;
/** How much larger one channel of each convolution is than the others: about half of the answers are lost, and nearly all. */
const OUTLIERS = [8, 12] as const;
/** Test digits that were looked at while epochs and learning rate were chosen; the rows are of the others. */
const SEEN = 2_000;
const DRAWN = 10_000;

const recipe = (some: Partial<TrainingRecipe>): TrainingRecipe => ({ ...DEFAULT_RECIPE, batchSize: 64, patienceEpochs: null, budget: { epochs: 3, minutes: null }, ...some });
const RECOVERING: Partial<TrainingRecipe> = { optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate: 0.003 } };
const FROM_TEACHER: Partial<TrainingRecipe> = { ...RECOVERING, distillation: { temperature: 2, hardShare: 0 } };

type Digits = { readonly kind: string; readonly learnt: ExampleSource; readonly test: ExampleSource };

/** What rounding to W4A8 and cutting channels cost the seed network, and what training wins back. */
export async function recovery(): Promise<Row[]> {
  const data = digits();
  const plain = (await train(seedCnn(), { train: data.learnt, validation: null }, recipe({ budget: { epochs: 5, minutes: null } }), CONTEXT)).model;
  const rows: Row[] = [];
  for (const outlier of OUTLIERS) rows.push(...(await rounded(plain, outlier, data)));
  return [...rows, await pruned(plain, data)];
}

/** MNIST's, or drawn ones where they are not at hand. */
function digits(): Digits {
  const [learnt, all] = (["train", "test"] as const).map((split) => mnist(split, "input", { scale: 1 / 255, shift: 0 }));
  if (learnt == null || all == null) return { kind: "drawn digits", learnt: drawn(DRAWN, 1), test: drawn(DRAWN, 2) };
  return { kind: "digits of MNIST", learnt, test: { count: all.count - SEEN, read: (index) => all.read(index + SEEN) } };
}

async function rounded(plain: OnnxModel, outlier: number, { kind, learnt, test }: Digits): Promise<Row[]> {
  const uneven = withUnevenChannels(plain, outlier);
  const inIntegers = await quantizeForTraining(uneven, learnt, { weightBits: 4, perChannel: false }, CONTEXT);
  const [before, spoiled] = [await rightAnswers(uneven, test), await rightAnswers(await storeQuantized(inIntegers), test)];
  const rows: Row[] = [];
  for (const [item, some, context] of [["qat", RECOVERING, CONTEXT], ["distillation", FROM_TEACHER, { ...CONTEXT, teacher: uneven }]] as const) {
    const beganMs = performance.now();
    const { model } = await train(inIntegers, { train: learnt, validation: null }, recipe(some), context);
    const seconds = (performance.now() - beganMs) / 1000;
    const after = await rightAnswers(await storeQuantized(model), test);
    const { share, low, high } = recoveredShare({ before, spoiled, after });
    rows.push({
      item, what: `one channel of each convolution ${outlier} × as large, W4A8 per tensor, 3 epochs of ${learnt.count} ${kind}`,
      measured: `${percent(rightShare(before))} in float, ${percent(rightShare(spoiled))} rounded: ${differenceInWords(before, spoiled)}; ${percent(rightShare(after))} after ${seconds.toFixed(0)} s at load ${(loadavg()[0] ?? 0).toFixed(1)}: ${differenceInWords(spoiled, after)}, to float ${differenceInWords(before, after)}; ${percent(share)} of the loss recovered (${percent(low)} to ${percent(high)})`,
      reference: `at least ${percent(RECOVERED_MIN)} in at most ${RECOVERY_SECONDS_MAX} s`, holds: share >= RECOVERED_MIN && seconds <= RECOVERY_SECONDS_MAX,
    });
  }
  return rows;
}

async function pruned(plain: OnnxModel, { kind, learnt, test }: Digits): Promise<Row> {
  const before = await rightAnswers(plain, test);
  const { model: cut, report } = await pruneChannels(plain, { ratio: PRUNED_CHANNELS, roundTo: 1 });
  const { model } = await train(cut, { train: learnt, validation: null }, recipe({}), CONTEXT);
  const [between, after] = [await rightAnswers(cut, test), await rightAnswers(model, test)];
  const share = report.macs.after / report.macs.before;
  return {
    item: "pruning", what: `channels of the seed network cut, 3 epochs of ${learnt.count} ${kind}`,
    measured: `${percent(share)} of the multiply-accumulates; ${percent(rightShare(before))} before, ${percent(rightShare(between))} cut, ${percent(rightShare(after))} trained further: ${differenceInWords(before, after)}`,
    reference: `at most ${percent(MACS_SHARE_MAX)} of the MACs, at most ${percent(LOST_MAX)} lost`, holds: share <= MACS_SHARE_MAX && rightShare(before) - rightShare(after) <= LOST_MAX,
  };
}
