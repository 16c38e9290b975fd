import { openModel, seededRandom } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { buildTrainingStep, DEFAULT_RECIPE, train, type TrainingRecipe } from "@flotilla/trainer";
import type { Row } from "../optimizer/row.ts";
import { seedCnn } from "./seed-cnn.ts";
import { firstFeeds, oneClassEach } from "./step-feeds.ts";

const [WARM_UP, STEPS] = [20, 150];
/** Both in turns: a machine that others share is not as quick from one second to the next. */
const ROUNDS = 5;
const EXAMPLES = 4_096;
/** What the job may add to the bare steps: batches, points, checkpoints. */
const OVERHEAD_MAX = 0.05;

/** Steps of the seed network: the graph alone in a loop, and the same steps as a training takes them. */
export async function speed(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const threads of [1, 2]) {
    for (const batchSize of [32, 128]) {
      const recipe: TrainingRecipe = { ...DEFAULT_RECIPE, batchSize, budget: { epochs: 2, minutes: null }, patienceEpochs: null };
      const [bare, trained]: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round += 1) {
        bare.push(await bareStepMs(recipe, threads));
        trained.push(await trainedStepMs(recipe, threads));
      }
      const overheads = trained.map((ms, round) => ms / (bare[round] ?? Number.NaN) - 1);
      const [bareMs, overhead] = [median(bare), median(overheads)];
      const more = (share: number): string => `${(100 * share).toFixed(1)} %`;
      rows.push({
        item: "speed", what: `seed network, batch ${batchSize}, ${threads} thread${threads === 1 ? "" : "s"}`,
        measured: `${bareMs.toFixed(2)} ms a step (${(1000 / bareMs).toFixed(0)} steps/s, ${((1000 * batchSize) / bareMs).toFixed(0)} images/s); in a training ${median(trained).toFixed(2)} ms, in ${ROUNDS} rounds ${more(overhead)} more (${more(Math.min(...overheads))} to ${more(Math.max(...overheads))})`,
        reference: `at most ${100 * OVERHEAD_MAX} % more in a training`, holds: overhead <= OVERHEAD_MAX,
      });
    }
  }
  return rows;
}

/** Median of one step after another on the same feeds. */
async function bareStepMs(recipe: TrainingRecipe, threads: number): Promise<number> {
  const step = await buildTrainingStep(seedCnn(), { batchSize: recipe.batchSize, recipe, trainable: () => true });
  const open = await openModel(writeOnnx(step.model), { intraOpThreads: threads, graphOptimization: "extended" });
  const feeds = { ...firstFeeds(step, open.inputs, recipe.batchSize), targets: oneClassEach(recipe.batchSize, 10) };
  const times: number[] = [];
  for (let run = 0; run < WARM_UP + STEPS; run += 1) {
    const beganMs = performance.now();
    await open.run(feeds);
    if (run >= WARM_UP) times.push(performance.now() - beganMs);
  }
  await open.close();
  return median(times);
}

/** Median time between the beginnings of steps, which is when a training asks whether to stop. */
async function trainedStepMs(recipe: TrainingRecipe, threads: number): Promise<number> {
  const random = seededRandom(5);
  const images = Array.from({ length: EXAMPLES }, () => Float32Array.from({ length: 784 }, random));
  const read = (index: number) => Promise.resolve({ feeds: { input: { elementType: "float32" as const, shape: [1, 1, 28, 28], data: images[index] ?? new Float32Array(784) } }, label: index % 10 });
  const asked: number[] = [];
  const shouldStop = (): boolean => { asked.push(performance.now()); return false; };
  const context = { threads, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve(), shouldStop };
  await train(seedCnn(), { train: { count: EXAMPLES, read }, validation: null }, recipe, context);
  return median(asked.slice(1).map((atMs, i) => atMs - (asked[i] ?? 0)));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
