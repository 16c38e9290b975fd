import { openModel, probeModel, runtimeFacts, sandboxMain, zeroFeeds, type ProbeReport, type RuntimeFacts } from "@flotilla/runtime";

export type ProbeInput = { modelPath: string; budgetMs: number };
export type ProbeStep = "opening" | "running" | "measuring";
export type ProbeOutput = { report: ProbeReport; facts: RuntimeFacts };

/** A page shows no more rows, and 50,000 layers would be 10 MB in one database row. */
const LAYERS_MAX = 2_000;

sandboxMain<ProbeInput, ProbeOutput>(async ({ modelPath, budgetMs }, { progress }) => {
  progress("opening" satisfies ProbeStep);
  const model = await openModel(modelPath);
  // `run` blocks this thread for as long as the model takes: let the step be told before.
  await told();
  progress("running" satisfies ProbeStep);
  await told();
  await model.run(zeroFeeds(model.inputs));
  await model.close();
  progress("measuring" satisfies ProbeStep);
  await told();
  const report = await probeModel(modelPath, { budgetMs });
  return { report: { ...report, layers: slowest(report.layers) }, facts: await runtimeFacts() };
});

/** Lets the pipe to the parent drain. */
function told(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The slowest ones, still in graph order. */
function slowest(layers: ProbeReport["layers"]): ProbeReport["layers"] {
  if (layers.length <= LAYERS_MAX) return layers;
  const kept = new Set([...layers].sort((a, b) => b.medianUs - a.medianUs).slice(0, LAYERS_MAX));
  return layers.filter((layer) => kept.has(layer));
}
