// Item 5 on a network with attention, trained here: what each kind of grid and of rounding costs at 4 bits.
import { blockWeights, compensateBlockWeights, type ExampleSource, evaluateVariant, simplify } from "@flotilla/optimizer";
import { openModel } from "@flotilla/runtime";
import { cloneModel, type OnnxModel, writeOnnx } from "@flotilla/runtime/ir";
import { DEFAULT_RECIPE, train } from "@flotilla/trainer";
import { encoderOn } from "../trainer/encoder.ts";
import { NetworkWriter } from "../trainer/network-writer.ts";
import { mnist } from "./examples.ts";
import { notAtHand, type Row } from "./row.ts";

const [ROWS, WIDTH, ANSWERS, EPOCHS] = [28, 64, 10, 3];
const COMPENSATED_ON = 300;
/** The smallest matrices that are put in blocks: all of the network but the last one. */
const WEIGHTS_MIN = 1_024;

/** An encoder that reads a digit row by row: 64 numbers with four heads. */
function encoder(): OnnxModel {
  const net = new NetworkWriter();
  const rows = net.node("Reshape", ["input", net.int64s("rows", [0, ROWS, ROWS])]);
  const x = net.node("Add", [net.dense("rows to numbers", rows, ROWS, WIDTH), net.weight("places", [ROWS, WIDTH], 0.2)]);
  return net.finish(encoderOn(net, x, { width: WIDTH, heads: 4, answers: ANSWERS, spreads: [0, 0] }), { name: "input", elementType: "float32", shape: [1, ROWS, ROWS] }, ANSWERS);
}

/** Mean absolute error of the answers' scores, and the accuracy against that of the float network. */
type Cost = { readonly error: number; readonly accuracy: string };

export async function transformerInBlocks(): Promise<Row[]> {
  const [learnt, test] = (["train", "test"] as const).map((split) => mnist(split, "input", { scale: 1 / 255, shift: 0 }));
  const [what, reference] = ["a network with attention in 4-bit blocks of 32", "nearer than rounded to the nearest"];
  if (learnt == null || test == null) return [notAtHand("5", what, reference)];
  const recipe = { ...DEFAULT_RECIPE, batchSize: 64, patienceEpochs: null, budget: { epochs: EPOCHS, minutes: null } };
  const { model: trained } = await train(encoder(), { train: learnt, validation: null }, recipe, { threads: 2, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve() });
  const { model } = await simplify(trained, { verifyRuns: 1 }, { target: "float" });
  const examples = { count: COMPENSATED_ON, read: (index: number) => learnt.read(index) };
  const rows: Row[] = [];
  for (const symmetric of [true, false]) {
    const costs = new Map<string, Cost>();
    for (const scales of ["nearest", "least-squares", "half-quadratic"] as const) {
      const [plain, options] = [cloneModel(model), { bits: 4, blockSize: 32, symmetric, scales, weightsMin: WEIGHTS_MIN } as const];
      await blockWeights(options).run(plain, {});
      costs.set(scales, await costOf(model, plain, test));
      costs.set(`${scales} compensated`, await costOf(model, (await compensateBlockWeights(model, options, examples)).model, test));
    }
    const measured = [...costs].map(([name, { error, accuracy }]) => `${name} ${error.toFixed(4)} (${accuracy})`).join("; ");
    const [rounded, best] = [costs.get("nearest")?.error ?? Number.NaN, costs.get("least-squares compensated")?.error ?? Number.NaN];
    rows.push({ item: "5", what: `${what}, ${symmetric ? "symmetric" : "with zero points"}: error of a score, points of accuracy on ${test.count} digits`, measured, reference, holds: best < rounded });
  }
  return rows;
}

/** With float activations, so that it is the weights alone that are judged. */
async function costOf(model: OnnxModel, made: OnnxModel, examples: ExampleSource): Promise<Cost> {
  const [parent, variant] = [await openModel(writeOnnx(model)), await openModel(writeOnnx(made), { sessionConfig: { qdq_matmulnbits_accuracy_level: "1" } })];
  const { accuracy, agreement } = await evaluateVariant({ parent, variant, examples });
  await parent.close();
  await variant.close();
  const difference = accuracy?.difference;
  const told = difference === undefined ? "?" : `${difference.differencePp.toFixed(2)}, 95 %: ${difference.lowPp.toFixed(2)} to ${difference.highPp.toFixed(2)}`;
  return { error: agreement.outputs[0]?.meanAbsError ?? Number.NaN, accuracy: told };
}
