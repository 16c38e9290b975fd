import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Goal, Preprocessing, Split, Technique } from "@flotilla/fleet";
import { openModel, sandboxMain } from "@flotilla/runtime";
import { readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { ExamplesRefusal, openExamples } from "../examples/dataset-examples.ts";
import type { Made } from "../techniques/maker.ts";
import { makeCandidate } from "../techniques/makers.ts";

export type MakeCandidateInput = {
  modelPath: string; externalFiles: string[]; technique: Technique; goal: Goal; measureBudgetMs: number; seed: number; outPath: string;
  calibration: { datasetPath: string; samples: number; preprocessing: Preprocessing } | null;
};
export type MakeCandidateStep = { line: string };
export type MakeCandidateOutput = ({ kind: "made" } & Omit<Made, "model">) | { kind: "refused"; reason: string };

sandboxMain<MakeCandidateInput, MakeCandidateOutput>(async ({ modelPath, externalFiles, technique, goal, measureBudgetMs, seed, outPath, calibration }, { progress }) => {
  const external = new Map<string, Uint8Array>();
  for (const name of externalFiles) external.set(name, await readFile(join(dirname(modelPath), name)));
  const { examples, validation } = calibration === null ? { examples: null, validation: null } : await examplesToMakeFrom(modelPath, calibration);
  try {
    const tell = (line: string): void => progress({ line } satisfies MakeCandidateStep);
    const { model, ...made } = await makeCandidate(readOnnx(await readFile(modelPath), external), technique, { examples, validation, workDir: process.cwd(), seed, goal, measureBudgetMs, tell });
    await writeFile(outPath, writeOnnx(model), { flag: "wx" });
    return { kind: "made", ...made };
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    return { kind: "refused", reason };
  } finally {
    await examples?.close();
    await validation?.close();
  }
});

/** Searches look at so many examples of the validation split, each time. */
const VALIDATION_EXAMPLES_MAX = 500;

async function examplesToMakeFrom(modelPath: string, { datasetPath, samples, preprocessing }: NonNullable<MakeCandidateInput["calibration"]>) {
  const { inputs, close } = await openModel(modelPath, { graphOptimization: "disabled" });
  await close();
  // Techniques start from single precision, whatever the model came in.
  const widened = inputs.map((input) => (input.elementType === "float16" ? { ...input, elementType: "float32" as const } : input));
  const steps = preprocessing.elementType === "float16" ? { ...preprocessing, elementType: "float32" as const } : preprocessing;
  const open = (split: Split, limit: number) => openExamples({ datasetPath, split, limit, preprocessing: steps, inputs: widened });
  return { examples: await open("calibration", samples), validation: await open("validation", VALIDATION_EXAMPLES_MAX) };
}

/** Each engine has a refusal of its own; all of them say a reason for people. Anything else is a bug. */
function reasonOf(error: unknown): string | null {
  if (error instanceof ExamplesRefusal) return error.message;
  return error instanceof Error && "reason" in error && typeof error.reason === "string" ? error.reason : null;
}
