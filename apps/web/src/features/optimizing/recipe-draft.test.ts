import { expect, test } from "vitest";
import type { Preset, TechniqueInfo } from "@flotilla/fleet";
import { draftOfPreset, isPreset, optimizeBody, recipeProblem } from "./recipe-draft.ts";
import { freshTechniques, techniqueOptions, withOption } from "./technique-options.ts";

const preset: Preset = {
  name: "smallest", title: "Smallest", description: "", recipe: { preset: "smallest", techniques: [freshTechniques.static_int8, freshTechniques.fp16_storage], calibrationSamples: 300, seed: 1 },
  goal: { objective: "size", maxAccuracyDropPoints: 0.5, safeOnEveryCpu: false },
};
const infos: TechniqueInfo[] = [{ kind: "static_int8", title: "Static int8", description: "", needsCalibration: true, exactness: "lossy" }];
const input = { versionId: "ver_1", datasetVersionId: "dsv_1", preset };

test("an untouched preset is sent by its name, with its goal", () => {
  expect(optimizeBody(draftOfPreset(preset), input)).toEqual({ kind: "optimize", versionId: "ver_1", datasetVersionId: "dsv_1", preset: "smallest", goal: preset.goal });
});

test("a changed recipe is sent whole, and a changed goal leaves the preset", () => {
  const draft = draftOfPreset(preset);
  const fewer = { ...draft, techniques: draft.techniques.slice(1), testSamples: "500", maxSizeMiB: "2" };
  expect(isPreset(fewer, preset)).toBe(false);
  expect(optimizeBody(fewer, input)).toMatchObject({ recipe: { preset: "custom", techniques: [{ kind: "fp16_storage" }], testSamples: 500 }, goal: { maxSizeBytes: 2 * 1024 * 1024 } });
  expect(optimizeBody({ ...draft, maxLatencyMsP95: "8" }, input)).toMatchObject({ preset: "smallest", goal: { maxLatencyMsP95: 8 } });
});

test("what the server would refuse is said before it is sent", () => {
  const draft = draftOfPreset(preset);
  expect(recipeProblem(draft, null, infos, true)).toContain("choose a dataset");
  expect(recipeProblem({ ...draft, techniques: [freshTechniques.fp16_storage] }, null, infos, false)).toBeNull();
  expect(recipeProblem({ ...draft, techniques: [] }, null, infos, true)).toContain("at least one");
  expect(recipeProblem({ ...draft, techniques: [freshTechniques.simplify], maxDropPoints: "x" }, null, infos, true)).toContain("points");
});

test("options stay within what the API takes, and numbers stay numbers", () => {
  const [bits, , ] = techniqueOptions.weight_blocks;
  const [ratio] = techniqueOptions.channel_pruning;
  expect(bits && withOption(freshTechniques.weight_blocks, bits, "4")).toMatchObject({ bits: 4 });
  expect(ratio && withOption(freshTechniques.channel_pruning, ratio, 7)).toMatchObject({ ratio: 0.95 });
});
