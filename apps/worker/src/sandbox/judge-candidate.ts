import { readFile } from "node:fs/promises";
import type { Preprocessing } from "@flotilla/fleet";
import { evaluateVariant, measureFileSize, measureInterleaved, type Runnable } from "@flotilla/optimizer";
import { openModel, runtimeFacts, sandboxMain, syntheticFeeds, type LatencySummary, type OpenModel, type RuntimeFacts, type Tensors } from "@flotilla/runtime";
import { openExamples } from "../examples/dataset-examples.ts";
import { OutcomeRecorder, type Recorded } from "../examples/outcome-recorder.ts";

export type JudgeInput = {
  parentPath: string; candidatePath: string; seed: number; budgetMs: number;
  test: { datasetPath: string; limit: number | null; preprocessing: Preprocessing } | null;
};
export type JudgeStep = { step: "sizes" | "timing" } | { step: "running"; done: number; total: number };
type Size = { bytes: number; compressedBytes: number };
export type JudgeOutput = {
  parentSize: Size; candidateSize: Size;
  agreement: { n: number; top1: number | null; cosine: number | null; maxAbsError: number | null; isOfRealInputs: boolean };
  /** Null without a dataset. */
  outcomes: { parent: Recorded; candidate: Recorded } | null;
  parentMs: LatencySummary; candidateMs: LatencySummary;
  /** Candidate ÷ parent: below 1 is quicker. */
  ratio: { median: number; low: number; high: number; pairs: number };
  facts: RuntimeFacts;
};

/** Without a dataset the outputs are compared on so many made-up inputs. */
const SYNTHETIC_INPUTS = 32;
const TELL_EVERY_MS = 500;

sandboxMain<JudgeInput, JudgeOutput>(async ({ parentPath, candidatePath, seed, budgetMs, test }, { progress }) => {
  const tell = (step: JudgeStep): void => progress(step);
  tell({ step: "sizes" });
  const [parentSize, candidateSize] = [await sizeOf(parentPath), await sizeOf(candidatePath)];
  const [parent, candidate] = [await openModel(parentPath), await openModel(candidatePath)];
  const examples = test === null ? syntheticExamples(parent, seed) : await openExamples({ ...test, split: "test", inputs: parent.inputs });
  let label: number | null = null;
  const recorders = { parent: new OutcomeRecorder(examples.count, test?.preprocessing.output), candidate: new OutcomeRecorder(examples.count, test?.preprocessing.output) };
  const recorded = (model: OpenModel, recorder: OutcomeRecorder): Runnable => ({
    inputs: model.inputs,
    run: async (feeds) => {
      const outputs = await model.run(feeds);
      recorder.add(label, outputs);
      return outputs;
    },
  });
  let toldAtMs = 0;
  const evaluation = await evaluateVariant({
    parent: recorded(parent, recorders.parent),
    variant: recorded(candidate, recorders.candidate),
    examples: {
      count: examples.count,
      read: async (index) => {
        const example = await examples.read(index);
        label = example.label;
        if (performance.now() - toldAtMs > TELL_EVERY_MS) {
          toldAtMs = performance.now();
          tell({ step: "running", done: index, total: examples.count });
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
        return example;
      },
    },
    ...(test?.preprocessing.output === undefined ? {} : { output: test.preprocessing.output }),
  });
  const { feeds } = await examples.read(0);
  await examples.close();
  tell({ step: "timing" });
  const { parentMs, variantMs, ratio } = await measureInterleaved(parent, candidate, feeds, { durationMsMin: budgetMs / 5, durationMsMax: budgetMs * 2 });
  const { topClass, outputs, n } = evaluation.agreement;
  const finite = (values: readonly number[], pick: (...all: number[]) => number): number | null => (values.length === 0 || values.some((value) => !Number.isFinite(value)) ? null : pick(...values));
  return {
    parentSize,
    candidateSize,
    agreement: {
      n, top1: topClass?.share ?? null, isOfRealInputs: test !== null,
      cosine: finite(outputs.map((output) => output.cosineMean), Math.min), maxAbsError: finite(outputs.map((output) => output.maxAbsError), Math.max),
    },
    outcomes: test === null ? null : { parent: recorders.parent.result(), candidate: recorders.candidate.result() },
    parentMs,
    candidateMs: variantMs,
    ratio,
    facts: await runtimeFacts(),
  };
});

async function sizeOf(path: string): Promise<Size> {
  const { sizeBytes, zstdBytes } = await measureFileSize(await readFile(path));
  return { bytes: sizeBytes, compressedBytes: zstdBytes };
}

function syntheticExamples(model: OpenModel, seed: number): { count: number; read(index: number): Promise<{ feeds: Tensors; label: null }>; close(): Promise<void> } {
  return { count: SYNTHETIC_INPUTS, read: async (index) => ({ feeds: syntheticFeeds(model.inputs, seed + index), label: null }), close: async () => undefined };
}
