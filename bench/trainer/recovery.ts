import { pruneChannels } from "@flotilla/optimizer";
import { cloneModel, floats, tensorNumbers, type OnnxModel } from "@flotilla/runtime/ir";
import { DEFAULT_RECIPE, quantizeForTraining, storeQuantized, train, type TrainingContext, type TrainingRecipe } from "@flotilla/trainer";
import { mnist } from "../optimizer/examples.ts";
import { notAtHand, type Row } from "../optimizer/row.ts";
import { rightShare } from "./right-share.ts";
import { seedCnn } from "./seed-cnn.ts";

const CONTEXT: TrainingContext = { threads: 2, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve() };
const RECOVERED_MIN = 0.8;
const RECOVERY_SECONDS_MAX = 60;
const [MACS_SHARE_MAX, LOST_MAX] = [0.5, 0.005];
const PRUNED_CHANNELS = 0.32;
/** A channel this much larger than its neighbours takes the steps of a shared scale away from them. */
const OUTLIER = 6;

const recipe = (some: Partial<TrainingRecipe>): TrainingRecipe => ({ ...DEFAULT_RECIPE, batchSize: 64, patienceEpochs: null, ...some });

/** What rounding to W4A8 and cutting channels cost the seed network on MNIST, and what training wins back. */
export async function recovery(): Promise<Row[]> {
  const [learnt, test] = (["train", "test"] as const).map((split) => mnist(split, "input", { scale: 1 / 255, shift: 0 }));
  if (learnt == null || test == null) return [notAtHand("recovery", "the seed network, rounded or cut, trained further", "what training wins back")];
  const source = { train: learnt, validation: null };
  const plain = (await train(seedCnn(), source, recipe({ budget: { epochs: 5, minutes: null } }), CONTEXT)).model;
  const uneven = withOutlier(plain);
  const before = await rightShare(uneven, test);
  const rounded = await quantizeForTraining(uneven, learnt, { weightBits: 4, perChannel: false }, CONTEXT);
  const spoiled = await rightShare(await storeQuantized(rounded), test);
  const rows: Row[] = [];
  for (const [item, some, teacher] of [["qat", {}, null], ["distillation", { distillation: { temperature: 2, hardShare: 0 } }, uneven]] as const) {
    const beganMs = performance.now();
    const { model } = await train(rounded, source, recipe({ budget: { epochs: 3, minutes: null }, ...some }), teacher === null ? CONTEXT : { ...CONTEXT, teacher });
    const seconds = (performance.now() - beganMs) / 1000;
    const after = await rightShare(await storeQuantized(model), test);
    const recovered = (after - spoiled) / (before - spoiled);
    const measured = `${percent(before)} in float, ${percent(spoiled)} rounded, ${percent(after)} after ${seconds.toFixed(0)} s: ${percent(recovered)} of the loss recovered`;
    rows.push({ item, what: "a loss induced by uneven channels at W4A8 per tensor, 3 epochs of 10,000 digits", measured, reference: `at least ${percent(RECOVERED_MIN)} in at most ${RECOVERY_SECONDS_MAX} s`, holds: recovered >= RECOVERED_MIN && seconds <= RECOVERY_SECONDS_MAX });
  }
  rows.push(await pruned(plain, source.train, test));
  return rows;
}

async function pruned(plain: OnnxModel, learnt: NonNullable<ReturnType<typeof mnist>>, test: NonNullable<ReturnType<typeof mnist>>): Promise<Row> {
  const before = await rightShare(plain, test);
  const { model: cut, report } = await pruneChannels(plain, { ratio: PRUNED_CHANNELS, roundTo: 1 });
  const { model } = await train(cut, { train: learnt, validation: null }, recipe({ budget: { epochs: 3, minutes: null } }), CONTEXT);
  const [between, after] = [await rightShare(cut, test), await rightShare(model, test)];
  const share = report.macs.after / report.macs.before;
  const measured = `${percent(share)} of the multiply-accumulates; ${percent(before)} before, ${percent(between)} cut, ${percent(after)} trained further`;
  return { item: "pruning", what: "channels of the seed network cut, 3 epochs", measured, reference: `at most ${percent(MACS_SHARE_MAX)} of the MACs, at most ${percent(LOST_MAX)} lost`, holds: share <= MACS_SHARE_MAX && before - after <= LOST_MAX };
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** The same function in float: one filter of the first convolution is larger, and the second one reads its channel smaller. */
function withOutlier(model: OnnxModel): OnnxModel {
  const copy = cloneModel(model);
  const [first, second] = copy.graph.nodes.filter(({ opType }) => opType === "Conv").map(({ inputs }) => inputs);
  copy.graph.initializers = copy.graph.initializers.map((tensor) => {
    const values = Float32Array.from(tensorNumbers(tensor));
    const [, channels = 1] = tensor.dims;
    const each = values.length / (tensor.dims[0] ?? 1);
    if (tensor.name === first?.[1] || tensor.name === first?.[2]) return floats(tensor.name, tensor.dims, values.map((value, i) => (i < each ? value * OUTLIER : value)));
    return tensor.name === second?.[1] ? floats(tensor.name, tensor.dims, values.map((value, i) => (i % each < each / channels ? value / OUTLIER : value))) : tensor;
  });
  return copy;
}
