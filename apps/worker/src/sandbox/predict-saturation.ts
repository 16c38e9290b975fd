import { readFile } from "node:fs/promises";
import type { Preprocessing } from "@flotilla/fleet";
import { predictSaturation } from "@flotilla/optimizer";
import { openModel, sandboxMain } from "@flotilla/runtime";
import { readOnnx } from "@flotilla/runtime/ir";
import { openExamples } from "../examples/dataset-examples.ts";

export type PredictSaturationInput = { modelPath: string; test: { datasetPath: string; limit: number; preprocessing: Preprocessing } };
type Proportion = { value: number; low: number; high: number; n: number };
export type PredictSaturationOutput = {
  n: number; layers: number; saturatedLayers: number; examplesAffected: number; exactBy: string; identicalHere: number | null;
  /** Of answers on CPUs with VNNI and without. */
  agreement: Proportion | null;
  /** Without VNNI. */
  accuracy: Proportion | null;
};

sandboxMain<PredictSaturationInput, PredictSaturationOutput>(async ({ modelPath, test }) => {
  const { inputs, close } = await openModel(modelPath, { graphOptimization: "disabled" });
  await close();
  const examples = await openExamples({ ...test, split: "test", inputs });
  const { layers, withoutVnni, examplesAffected, exactBy, identicalHere } = await predictSaturation(readOnnx(await readFile(modelPath)), examples, { workDir: process.cwd() });
  await examples.close();
  const { agreement, accuracy } = withoutVnni;
  return {
    n: examples.count, layers: layers.length, saturatedLayers: layers.filter(({ events }) => events > 0).length, examplesAffected, exactBy, identicalHere,
    agreement: agreement.topClass === null ? null : { value: agreement.topClass.share, low: agreement.topClass.low, high: agreement.topClass.high, n: agreement.topClass.n },
    accuracy: accuracy === null ? null : { value: accuracy.after.share, low: accuracy.after.low, high: accuracy.after.high, n: accuracy.n },
  };
});
