import { trainingRecipeSchema, type PendingTraining } from "@flotilla/fleet";
import { expect, test } from "vitest";
import { digestOfParts } from "./checkpoint-keeper.ts";
import type { StagedDataset } from "./staged-dataset.ts";

const recipe = trainingRecipeSchema.parse({ distillation: { teacherVersionId: "ver_teacher" } });
const training: PendingTraining = { id: "trn_1", state: "pending", datasetVersionId: "dsv_1", start: { kind: "version", versionId: "ver_1", name: "net v1", freezeUpTo: null }, recipe, ranMs: 0, delivered: null };
const dataset = { id: "dsv_1", path: "", bytes: 1, sha256: "d".repeat(64) } as StagedDataset;
const digests = { model: ["a"], teacher: ["b"] };
const own = digestOfParts(training, dataset, digests);

test("a checkpoint belongs to the teacher's bytes, the model's and the examples', and to all of the recipe but its budget", () => {
  expect(digestOfParts(training, dataset, { ...digests, teacher: ["c"] })).not.toBe(own);
  expect(digestOfParts(training, dataset, { ...digests, teacher: null })).not.toBe(own);
  expect(digestOfParts(training, dataset, { ...digests, model: ["c"] })).not.toBe(own);
  expect(digestOfParts(training, { ...dataset, sha256: "e".repeat(64) }, digests)).not.toBe(own);
  expect(digestOfParts({ ...training, recipe: { ...recipe, quantization: { weightBits: 4, perChannel: false } } }, dataset, digests)).not.toBe(own);
  expect(digestOfParts({ ...training, recipe: { ...recipe, budget: { epochs: 99, minutes: null } } }, dataset, digests)).toBe(own);
});
