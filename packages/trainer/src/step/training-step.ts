import { floats, makeNode, type OnnxModel } from "@flotilla/runtime/ir";
import { differentiate } from "../autodiff/differentiate.ts";
import { emitForward } from "../autodiff/emit-forward.ts";
import { GraphMath } from "../autodiff/graph-math.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32, type StaticType } from "../graph/static-type.ts";
import { distilled } from "../losses/distillation.ts";
import { LOSSES } from "../losses/losses.ts";
import { OPTIMIZERS } from "../optimizers/optimizer.ts";
import { prepareModel } from "../prepare/prepare-model.ts";
import type { PreparedModel, TrainedTensor } from "../prepare/prepared-model.ts";
import type { TrainingRecipe } from "../recipe.ts";
import { TrainingRefusal } from "../training-refusal.ts";
import { answerOf } from "./absorb-last-activation.ts";
import { decaysOf, partsOf, type VectorPart } from "./parameter-vector.ts";
import { examplesAtATime, withSuffix } from "./pieces.ts";

/** Names of what a step is fed and answers; inputs of the model itself have their own. */
export const FEEDS = { parameters: "parameters", targets: "targets", weights: "example weights", teacher: "teacher's answers", accumulated: "accumulated gradient", share: "share of the gradient", average: "average of the parameters" } as const;
export const FETCHES = { loss: "loss", correct: "right answers", norm: "gradient norm", gradient: "gradient", parameters: "new parameters", average: "new average" } as const;
export const newName = (name: string): string => `new ${name}`;

/** A whole step of training as ONNX graphs. */
export type TrainingStep = {
  /** Forward, loss, gradient; with `update` null also the optimizer's change. */
  readonly model: OnnxModel;
  /** With gradients added up over several batches: the optimizer's change alone. */
  readonly update: OnnxModel | null;
  readonly parts: readonly VectorPart[];
  readonly parameters: readonly TrainedTensor[];
  /** Running statistics. */
  readonly buffers: readonly TrainedTensor[];
  readonly inputs: readonly { readonly name: string; readonly type: StaticType }[];
  /** Inputs that want numbers from 0 to 1, drawn anew for each batch. */
  readonly noise: readonly { readonly name: string; readonly dims: readonly number[] }[];
  /** [batch, answers] of what targets are given for. */
  readonly answers: readonly number[];
};

export type StepOptions = { readonly batchSize: number; readonly recipe: TrainingRecipe; readonly trainable: (initializer: string) => boolean; readonly dimensions?: Readonly<Record<string, number>> };

/**
 * Writes the step that trains a model: its forward pass on a batch, the loss, the gradient of every parameter and what the optimizer makes of it, in plain ONNX
 * operators. Throws TrainingRefusal `nothing_to_train`, AutodiffRefusal.
 */
export async function buildTrainingStep(model: OnnxModel, { batchSize, recipe, trainable, dimensions }: StepOptions): Promise<TrainingStep> {
  const prepare = (count: number): Promise<PreparedModel> => prepareModel(model, { batchSize: count, trainable, norm: "train", dropout: "train", ...(dimensions === undefined ? {} : { dimensions }) });
  const prepared = await prepare(batchSize);
  const parts = partsOf(prepared.parameters);
  if (parts.length === 0) throw new TrainingRefusal("nothing_to_train", "No weight of this model would be learnt: everything is frozen, or it has none.");
  const atATime = LOSSES[recipe.loss].targets === "label" ? batchSize : examplesAtATime(prepared, batchSize);
  const piece = atATime === batchSize ? prepared : await prepare(atATime);
  const pieces = atATime === batchSize ? [prepared] : Array.from({ length: batchSize / atATime }, (_, i) => withSuffix(piece, ` of piece ${i}`));
  const builder = new GraphBuilder("training step", [prepared, ...pieces].flatMap(({ types }) => [...types.keys()]));
  const { math, answers, gradient, values, noise } = writeGradient(builder, prepared, pieces, { parts, recipe });
  const isSplit = recipe.accumulation > 1;
  for (const { name, value } of values) builder.output(value, name);
  if (isSplit) builder.output(math.add(gradient, builder.input(FEEDS.accumulated, vectorType(parts))), FETCHES.gradient);
  else writeUpdate(math, FEEDS.parameters, gradient, parts, recipe);
  return {
    model: builder.toModel(), update: isSplit ? updateOf(parts, recipe) : null, parts, parameters: prepared.parameters, buffers: prepared.buffers, inputs: prepared.inputs, noise, answers,
  };
}

const vectorType = (parts: readonly VectorPart[]): StaticType => float32([parts.reduce((sum, { length }) => sum + length, 0)]);

type Plan = { readonly parts: readonly VectorPart[]; readonly recipe: TrainingRecipe };

/** The whole batch at once or in pieces, whose gradients are added up. */
function writeGradient(builder: GraphBuilder, prepared: PreparedModel, pieces: readonly PreparedModel[], { parts, recipe }: Plan) {
  for (const { name, type } of prepared.inputs) builder.input(name, type);
  builder.input(FEEDS.parameters, vectorType(parts));
  for (const { name, dims } of prepared.buffers) builder.input(name, float32(dims));
  const sizes = builder.int64s(parts.map(({ length }) => length));
  const flat = parts.length === 1 ? [FEEDS.parameters] : builder.emitAll("Split", [FEEDS.parameters, sizes], parts.map(({ length }) => float32([length])), { axis: { int: 0 } });
  for (const [i, { name, dims }] of parts.entries()) builder.rename(builder.emit("Reshape", [flat[i] ?? "", builder.int64s(dims)], float32(dims)), name);
  const loss = LOSSES[recipe.loss];
  if (recipe.distillation !== undefined && !loss.isOfClasses) throw new TrainingRefusal("teacher_does_not_fit", "Only a model that tells classes apart can learn from another one's answers.");
  const [batch = 1, ...rest] = prepared.types.get(answerOf(prepared, loss))?.dims ?? [];
  const answers = [batch, rest.reduce((product, dim) => product * dim, 1)];
  const wanted = loss.targets === "label" ? [batch, 1] : answers;
  const fed = [builder.input(FEEDS.targets, float32(wanted)), builder.input(FEEDS.weights, float32([batch, 1])), ...(recipe.distillation === undefined ? [] : [builder.input(FEEDS.teacher, float32(answers))])];
  const math = new GraphMath(builder);
  if (pieces.length > 1) {
    for (const [position, { name }] of prepared.inputs.entries()) {
      const parted = pieces.flatMap(({ inputs }) => inputs[position] ?? []);
      builder.adopt(makeNode("Split", [name], parted.map((input) => input.name), { axis: { int: 0 }, num_outputs: { int: pieces.length } }), parted.map(({ type }) => type));
    }
  }
  const shared = fed.map((value) => math.split(value, 0, pieces.map(() => batch / pieces.length)));
  const written = pieces.map((piece, i) => writePiece(builder, piece, { parts, recipe }, { targets: shared[0]?.[i] ?? "", weights: math.scale(shared[1]?.[i] ?? "", 1 / pieces.length), teacher: shared[2]?.[i] ?? "" }));
  const total = (values: readonly string[]): string => (values.length === 1 ? (values[0] ?? "") : math.emit("Sum", values, math.dims(values[0] ?? "")));
  const values = [{ name: FETCHES.loss, value: total(written.map((each) => each.loss)) }, ...written.flatMap(({ forward }) => forward.bufferUpdates).map(({ buffer, value }) => ({ name: newName(buffer), value }))];
  const correct = written.flatMap((each) => each.correct ?? []);
  if (correct.length > 0) values.push({ name: FETCHES.correct, value: total(correct) });
  return { math, answers: wanted, gradient: total(written.map((each) => each.gradient)), values, noise: written.flatMap(({ forward }) => forward.noise).map((name) => ({ name, dims: math.dims(name) })) };
}

/** Forward pass, loss and gradient of one piece of the batch; its weights are shares of the whole batch. */
function writePiece(builder: GraphBuilder, piece: PreparedModel, { parts, recipe }: Plan, { targets, weights, teacher }: { readonly targets: string; readonly weights: string; readonly teacher: string }) {
  const forward = emitForward(builder, piece);
  const { math } = forward;
  const loss = LOSSES[recipe.loss];
  const output = answerOf(piece, loss);
  const [count = 1] = math.dims(output);
  const answer = math.reshape(output, [count, builder.elementsOf(output) / count]);
  const write = recipe.distillation === undefined ? loss.write : distilled(loss.write, recipe.distillation, teacher);
  const written = write({ math, answer, targets, weights });
  const gradients = differentiate(forward, new Map([[output, math.reshape(written.seed, math.dims(output))]]), parts.map(({ name }) => name));
  const gradient = math.concat(parts.map(({ name, length }) => { const found = gradients.get(name); return found === undefined ? math.zeros([length], FEEDS.parameters) : math.reshape(found, [length]); }), 0);
  return { forward, gradient, loss: written.loss, correct: loss.isOfClasses ? rightAnswers(math, answer, targets) : null };
}

/** How many of the batch got the class with the largest share right. */
function rightAnswers(math: GraphMath, answer: string, targets: string): string {
  const [batch = 1] = math.dims(answer);
  const [said, wanted] = [answer, targets].map((value) => math.emit("ArgMax", [value], [batch], { axis: { int: 1 }, keepdims: { int: 0 } }, { elementType: "int64" }));
  return math.sum(math.cast(math.compare("Equal", said ?? "", wanted ?? ""), "float32"), [0]);
}

function writeUpdate(math: GraphMath, parameters: string, raw: string, parts: readonly VectorPart[], recipe: TrainingRecipe): void {
  const { builder } = math;
  const optimizer = OPTIMIZERS[recipe.optimizer.kind];
  const norm = math.emit("ReduceL2", [raw], [], { keepdims: { int: 0 } });
  builder.output(norm, FETCHES.norm);
  const gradient = recipe.clipNorm === null ? raw : math.multiply(raw, math.emit("Min", [math.divide(math.constant(recipe.clipNorm, raw), math.plus(norm, 1e-6)), math.constant(1, raw)], []));
  const type = vectorType(parts);
  const states = optimizer.states.map((name) => builder.input(name, type));
  const scalars = optimizer.scalars.map((name) => builder.input(name, float32([])));
  const decays = recipe.optimizer.weightDecay === 0 ? "" : builder.initializer(floats("which decay", type.dims, decaysOf(parts)));
  const changed = optimizer.write({ math, parameters, gradient, states, scalars, decays, settings: recipe.optimizer });
  builder.output(changed.parameters, FETCHES.parameters);
  for (const [i, name] of optimizer.states.entries()) builder.output(changed.states[i] ?? "", newName(name));
  if (recipe.emaDecay !== null) {
    const average = builder.input(FEEDS.average, type);
    builder.output(math.add(math.scale(average, recipe.emaDecay), math.scale(changed.parameters, 1 - recipe.emaDecay)), FETCHES.average);
  }
}

/** The optimizer's change, given a sum of gradients and the share that each batch has of it. */
function updateOf(parts: readonly VectorPart[], recipe: TrainingRecipe): OnnxModel {
  const builder = new GraphBuilder("update");
  const math = new GraphMath(builder);
  const parameters = builder.input(FEEDS.parameters, vectorType(parts));
  const sum = builder.input(FEEDS.accumulated, vectorType(parts));
  writeUpdate(math, parameters, math.multiply(sum, builder.input(FEEDS.share, float32([]))), parts, recipe);
  return builder.toModel();
}
