import { renderSyntheticDigits } from "@flotilla/datasets";
import { DEFAULT_RECIPE, train, type TrainingRecipe } from "@flotilla/trainer";
import { mnist as mnistExamples } from "../optimizer/examples.ts";
import { notAtHand, type Row } from "../optimizer/row.ts";
import { rightAnswers, rightShare } from "./right-answers.ts";
import { seedCnn } from "./seed-cnn.ts";

const THREADS = 2;
type Goal = { readonly rightMin: number; readonly minutesMax: number };
const MNIST: Goal = { rightMin: 0.985, minutesMax: 3 };
const DRAWN: Goal = { rightMin: 0.97, minutesMax: 1 };
const told = ({ rightMin, minutesMax }: Goal): string => `at least ${100 * rightMin} % in at most ${60 * minutesMax} s`;

type Examples = NonNullable<ReturnType<typeof mnistExamples>>;

/** 10,000 digits are learnt from; the 10,000 test digits are looked at once, at the end. Small shifts and turns make up for how few there are. */
export async function mnist(): Promise<Row[]> {
  const what = "the seed network from scratch on 10,000 digits of MNIST";
  const [learnt, test] = (["train", "test"] as const).map((split) => mnistExamples(split, "input", { scale: 1 / 255, shift: 0 }));
  if (learnt == null || test == null) return [notAtHand("mnist", what, told(MNIST))];
  const recipe: TrainingRecipe = {
    ...DEFAULT_RECIPE, batchSize: 64, optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate: 0.002 }, schedule: { kind: "cosine", warmupEpochs: 0 },
    budget: { epochs: 8, minutes: MNIST.minutesMax }, patienceEpochs: null, augmentation: { ...DEFAULT_RECIPE.augmentation, shift: 0.07, rotateDegrees: 8, scale: 0.08 },
  };
  return [await trained("mnist", what, MNIST, { recipe, learnt, test })];
}

const [LEARNT, TESTED] = [20_000, 2_000];
const [IMAGE_SEED, TEST_SEED] = [1, 2];

export async function synthetic(): Promise<Row[]> {
  const recipe: TrainingRecipe = { ...DEFAULT_RECIPE, batchSize: 64, budget: { epochs: 3, minutes: DRAWN.minutesMax }, patienceEpochs: null };
  return [await trained("synthetic", `the seed network on ${LEARNT} drawn digits, tested on ${TESTED} of another seed`, DRAWN, { recipe, learnt: drawn(LEARNT, IMAGE_SEED), test: drawn(TESTED, TEST_SEED) })];
}

/** Digits that the project draws itself. */
export function drawn(count: number, seed: number): Examples {
  const { pixels, labels } = renderSyntheticDigits({ count, seed });
  const each = pixels.length / count;
  return {
    count,
    read: (index) => Promise.resolve({
      feeds: { input: { elementType: "float32", shape: [1, 1, 28, 28], data: Float32Array.from(pixels.subarray(index * each, (index + 1) * each), (pixel) => pixel / 255) } }, label: labels[index] ?? null,
    }),
  };
}

/** Nothing of the test set takes part in training: a validation after each epoch would let the best of many looks be chosen. */
async function trained(item: string, what: string, goal: Goal, { recipe, learnt, test }: { recipe: TrainingRecipe; learnt: Examples; test: Examples }): Promise<Row> {
  const beganMs = performance.now();
  const context = { threads: THREADS, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve() };
  const result = await train(seedCnn(), { train: learnt, validation: null }, recipe, context);
  const seconds = (performance.now() - beganMs) / 1000;
  const right = rightShare(await rightAnswers(result.model, test));
  const speed = (result.steps * recipe.batchSize) / seconds;
  const measured = `${(100 * right).toFixed(2)} % right after ${result.epochs} epochs in ${seconds.toFixed(0)} s, seed ${recipe.seed} (${speed.toFixed(0)} examples/s with everything)`;
  return { item, what, measured, reference: told(goal), holds: right >= goal.rightMin && seconds <= 60 * goal.minutesMax };
}
