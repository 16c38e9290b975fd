// Item 1 on photographs with labels: what the optimizer makes of a real residual network, judged on pictures that nothing was fitted to.
import { readFileSync } from "node:fs";
import type { Split } from "@flotilla/datasets";
import { auditFusion, type ExampleSource, evaluateVariant, integerShare, measureInterleaved, predictSaturation, pruneChannels, quantizeStatic, searchMixedPrecision, simplify } from "@flotilla/optimizer";
import { openModel } from "@flotilla/runtime";
import { type OnnxModel, upgradeOpset, writeOnnx } from "@flotilla/runtime/ir";
import { convertKeras } from "@flotilla/trainer";
import { cifar10, PIXELS_AS_THEY_ARE, shared } from "./examples.ts";
import { notAtHand, type Row } from "./row.ts";

const INPUT = "input_1";
/** Pictures that ranges are taken from, from all classes alike. */
const CALIBRATION = 300;
const DROP_MAX_PP = 0.5;
/** As a recipe has it when nothing is changed. */
const OPTIONS = { biasCorrection: { kind: "fast" } } as const;
const PRUNING = { ratio: 0.25, roundTo: 8 } as const;

type Pictures = { readonly calibration: ExampleSource; readonly validation: ExampleSource; readonly test: ExampleSource };
type Work = { readonly model: OnnxModel; readonly pictures: Pictures; readonly workDir: string };

/** MLPerf Tiny's ResNet-8 as it comes from Keras, on 1,000 test pictures. */
export async function cifar(workDir: string): Promise<Row[]> {
  const modelPath = shared("models/resnet8-cifar10.h5");
  const of = (archive: "train" | "test", split: Split): Promise<ExampleSource | null> => cifar10({ archive, split, input: INPUT, preprocessing: PIXELS_AS_THEY_ARE, workDir });
  const [learnt, validation, test] = [await of("train", "train"), await of("train", "validation"), await of("test", "test")];
  if (modelPath === null || learnt === null || validation === null || test === null) return [notAtHand("1", "ResNet-8 on CIFAR-10, int8", `within ${DROP_MAX_PP} pp`)];
  const { model: imported } = await convertKeras(readFileSync(modelPath), "h5");
  upgradeOpset(imported, 13);
  const { model } = await simplify(imported, { verifyRuns: 1 }, { target: "integer" });
  const work: Work = { model, workDir, pictures: { calibration: spread(learnt, CALIBRATION), validation, test } };
  const { model: quantised } = await quantizeStatic(model, work.pictures.calibration, OPTIONS);
  const { model: safe } = await quantizeStatic(model, work.pictures.calibration, { ...OPTIONS, reducedRange: "all" });
  return [...(await integerRows(work, quantised)), ...(await saturationRows(work, "int8", quantised)), await accuracyRow(work, "7-bit weights", safe), ...(await saturationRows(work, "7-bit weights", safe)), await mixedRow(work), await prunedRow(work)];
}

async function integerRows(work: Work, quantised: OnnxModel): Promise<Row[]> {
  const [before, after] = [writeOnnx(work.model), writeOnnx(quantised)];
  const [parent, variant] = [await openModel(before), await openModel(after)];
  const { ratio } = await measureInterleaved(parent, variant, (await work.pictures.test.read(0)).feeds);
  await parent.close();
  await variant.close();
  const { macs, integerMacs } = integerShare((await auditFusion(quantised, { workDir: work.workDir })).nodes);
  const size = after.length / before.length;
  return [
    await accuracyRow(work, "int8", quantised),
    { item: "1", what: `${NAME}, int8, bytes and time over fp32`, measured: `${size.toFixed(2)} x the bytes, ${ratio.median.toFixed(2)} x the time (95 %: ${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}, ${ratio.pairs} pairs), ${percent(integerMacs / macs)} of the work on integers`, reference: "reported", holds: null },
  ];
}

/** What `made` has right against what the float model has, picture by picture. */
async function accuracyRow({ model, pictures }: Work, label: string, made: OnnxModel, holdsMinPp: number | null = -DROP_MAX_PP): Promise<Row> {
  const [parent, variant] = [await openModel(writeOnnx(model)), await openModel(writeOnnx(made))];
  const { accuracy, agreement } = await evaluateVariant({ parent, variant, examples: pictures.test });
  await parent.close();
  await variant.close();
  if (accuracy === null) throw new Error("ResNet-8 gave no classes");
  const { difference } = accuracy;
  return {
    item: "1", what: `${NAME}, ${label}, ${difference.n} pictures`,
    measured: `${inWords(difference)}, float ${percent(accuracy.before.share)}, agreement ${percent(agreement.topClass?.share ?? Number.NaN)}`,
    reference: holdsMinPp === null ? "reported" : `within ${DROP_MAX_PP} pp`, holds: holdsMinPp === null ? null : difference.differencePp >= holdsMinPp,
  };
}

/** What an x86 CPU without VNNI makes of it, against one that has it. */
async function saturationRows({ pictures, workDir }: Work, label: string, made: OnnxModel): Promise<Row[]> {
  const { layers, examples, examplesAffected, withoutVnni } = await predictSaturation(made, pictures.test, { workDir });
  const difference = withoutVnni.accuracy?.difference;
  const where = layers.filter(({ events }) => events > 0).map(({ node, events }) => `${node} ${(events / examples).toFixed(1)}`);
  const measured = `${examplesAffected} of ${examples} pictures clipped${where.length === 0 ? "" : ` (per picture: ${where.join(", ")})`}; without VNNI ${difference === undefined ? "?" : inWords(difference)}`;
  const isSafe = label !== "int8";
  return [{ item: "1", what: `${NAME}, ${label}, sums clipped without VNNI`, measured, reference: isSafe ? "0" : "reported", holds: isSafe ? examplesAffected === 0 : null }];
}

async function mixedRow(work: Work): Promise<Row> {
  const { calibration, validation } = work.pictures;
  const goal = { maxAccuracyDropPoints: DROP_MAX_PP, objective: "size" } as const;
  const { quantised, report } = await searchMixedPrecision(work.model, { calibration, verification: validation }, goal, OPTIONS, { workDir: work.workDir });
  const what = `${NAME}, mixed precision`;
  if (quantised === null) return { item: "1", what, measured: report.reason ?? "nothing found", reference: `within ${DROP_MAX_PP} pp`, holds: false };
  return await accuracyRow(work, `mixed precision (${report.reverted.length} of ${report.nodes.length} in float)`, quantised.model);
}

/** Nothing is trained after the cut here, so this is a statement, not a goal. */
async function prunedRow(work: Work): Promise<Row> {
  const { model, report } = await pruneChannels(work.model, PRUNING, work.pictures.calibration);
  const macs = report.macs.after / report.macs.before;
  return await accuracyRow(work, `pruned to ${percent(macs)} of the multiply-accumulates, not trained further`, model, null);
}

const NAME = "ResNet-8 on CIFAR-10";

function inWords({ differencePp, lowPp, highPp }: { readonly differencePp: number; readonly lowPp: number; readonly highPp: number }): string {
  return `${differencePp.toFixed(2)} pp (95 %: ${lowPp.toFixed(2)} to ${highPp.toFixed(2)})`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** `count` of the examples, evenly spread: they lie class by class. */
function spread(source: ExampleSource, count: number): ExampleSource {
  const chosen = Math.min(count, source.count);
  return { count: chosen, read: (index) => source.read(Math.floor((index * source.count) / chosen)) };
}
