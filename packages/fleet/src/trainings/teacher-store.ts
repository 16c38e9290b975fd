import { isDeepStrictEqual } from "node:util";
import type { ModelVersion, Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import type { Preprocessing, VersionInspection } from "../models/index.ts";
import { findVersion } from "../models/version-view-store.ts";
import type { TrainingRecipe } from "./recipe.ts";
import type { TrainingStart } from "./types.ts";

/** What stands in a model whose weights are integers already. */
const INTEGER_OPERATORS = new Set(["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "MatMulNBits"]);

/** `bad_request` when the recipe rounds what cannot be rounded: a network that has learnt nothing yet, frozen weights, or weights that are integers already. */
export async function requireRoundable(tx: Tx, start: TrainingStart, { quantization }: TrainingRecipe): Promise<void> {
  if (quantization === undefined) return;
  const refused = (sentence: string): FleetError => new FleetError("bad_request", { public: `recipe.quantization: ${sentence}` });
  if (start.kind === "outside") throw refused("how an outside runner rounds is its own business.");
  if (start.kind === "template") throw refused("ranges are taken from what a network answers, and a template has learnt nothing; train it first, then train that version further with rounding.");
  if (start.freezeUpTo !== null) throw refused("all weights are rounded, so none can stay as they are; leave freezeUpTo out.");
  const { operators } = (await findVersion(tx, start.versionId)).inspection as VersionInspection;
  if (operators.some(({ opType }) => INTEGER_OPERATORS.has(opType))) throw refused("the weights of this version are integers already; train the version it was made of.");
}

/**
 * The start as it is with the teacher that the recipe names, and the teacher's bytes. A network from a template sees its examples as the teacher does.
 * `version_not_ready`, `preprocessing_missing`; `bad_request` when the two see examples otherwise, or there are no classes to agree on.
 */
export async function withTeacher(tx: Tx, start: TrainingStart, { loss, distillation }: TrainingRecipe): Promise<{ start: TrainingStart; teacher: readonly string[] | null }> {
  if (distillation === undefined) return { start, teacher: null };
  const refused = (sentence: string): FleetError => new FleetError("bad_request", { public: `recipe.distillation: ${sentence}` });
  if (start.kind === "outside") throw refused("whom an outside runner learns from is its own business.");
  if (loss !== "cross_entropy") throw refused("only networks that tell classes apart learn from another one's answers; train with cross entropy.");
  const teacher = await readyTeacher(tx, distillation.teacherVersionId);
  const files = (await tx.versionFile.findMany({ where: { versionId: teacher.id }, select: { sha256: true }, orderBy: { name: "asc" } })).map(({ sha256 }) => sha256);
  const sees = teacher.preprocessing as Preprocessing;
  const learner = start.kind === "template" ? start.preprocessing : ((await findVersion(tx, start.versionId)).preprocessing as Preprocessing);
  if (start.kind === "template" && isDeepStrictEqual(shapeOf(learner), shapeOf(sees))) return { start: { ...start, preprocessing: withoutEnds(sees) }, teacher: files };
  if (!isDeepStrictEqual(withoutEnds(learner), withoutEnds(sees))) throw refused("the teacher sees examples otherwise than the network that learns: their preprocessing differs.");
  return { start, teacher: files };
}

async function readyTeacher(tx: Tx, id: string): Promise<ModelVersion> {
  const version = await findVersion(tx, id);
  if (version.state !== "ready") throw new FleetError("version_not_ready", { public: `The teacher is ${version.state}; only a ready version can teach.` });
  if (version.preprocessing === null) throw new FleetError("preprocessing_missing", { public: "Say first how an example becomes the teacher's input: the version's page has a form for its preprocessing." });
  return version;
}

/** Names of inputs and outputs are each model's own. */
function withoutEnds(preprocessing: Preprocessing): Preprocessing {
  const { input: _, output: __, ...steps } = preprocessing;
  return steps;
}

/** What decides how many numbers an example becomes, and in what order. */
function shapeOf(preprocessing: Preprocessing): object {
  const steps = Object.entries(preprocessing).filter(([name]) => !["input", "output", "invert", "scale", "mean", "std"].includes(name));
  return Object.fromEntries(steps);
}
