import { openModel, seededRandom, type Tensor } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphMath } from "../autodiff/graph-math.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { distilled } from "./distillation.ts";
import type { Loss } from "./loss.ts";
import { LOSSES } from "./losses.ts";
import { softmax } from "./plain-loss.ts";
import { plainTriplet } from "./triplet.ts";

type Case = { readonly batch: number; readonly answers: number; readonly targets: readonly number[]; readonly weights: readonly number[]; readonly teacher?: readonly number[]; readonly write: (teacher: string) => Loss["write"]; readonly plain: (z: readonly number[][]) => number };

const rows = (values: readonly number[], width: number): number[][] => Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
const drawn = (count: number, seed: number): number[] => { const random = seededRandom(seed); return Array.from({ length: count }, () => 4 * random() - 2); };

/** How far the written loss is from its plain form, and the seed from differences of that, at most. */
async function largestError({ batch, answers, targets, weights, teacher, write, plain }: Case): Promise<number> {
  const builder = new GraphBuilder("loss");
  const math = new GraphMath(builder);
  const [z, t, w, v] = [builder.input("z", float32([batch, answers])), builder.input("t", float32([batch, targets.length / batch])), builder.input("w", float32([batch, 1])), builder.input("v", float32([batch, answers]))];
  const written = write(v)({ math, answer: z, targets: t, weights: w });
  builder.output(written.loss, "loss");
  builder.output(written.seed, "seed");
  const open = await openModel(writeOnnx(builder.toModel()));
  const values = drawn(batch * answers, 3);
  const tensor = (shape: number[], data: readonly number[]): Tensor => ({ elementType: "float32", shape, data: Float32Array.from(data) });
  const found = await open.run({ z: tensor([batch, answers], values), t: tensor([batch, targets.length / batch], targets), w: tensor([batch, 1], weights), v: tensor([batch, answers], teacher ?? drawn(batch * answers, 8)) });
  await open.close();
  const errors = [Number(found["loss"]?.data[0]) - plain(rows(values, answers))];
  for (let at = 0; at < values.length; at += 1) {
    const moved = (by: number): number => plain(rows(values.map((value, i) => (i === at ? value + by : value)), answers));
    errors.push(Number(found["seed"]?.data[at]) - (moved(1e-6) - moved(-1e-6)) / 2e-6);
  }
  return Math.max(...errors.map(Math.abs));
}

const ONES = (n: number): number[] => new Array<number>(n).fill(1);

test.each([[1, 0], [4, 0], [2, 0.3]])("learning from another model's answers at temperature %d, labels with a share of %d", async (temperature, hardShare) => {
  const [batch, answers] = [3, 4];
  const teacher = drawn(batch * answers, 11);
  const targets = [1, 0, 0, 0, 0, 0, 1, 0, 0, 0.5, 0.5, 0];
  const weights = [0.5, 2, 0.5];
  const plain = (z: readonly number[][]): number => z.reduce((sum, row, i) => {
    const [said, taught] = [row, rows(teacher, answers)[i] ?? []].map((logits) => softmax(logits.map((value) => value / temperature)));
    const divergence = (taught ?? []).reduce((all, share, k) => all + share * Math.log(share / (said?.[k] ?? 1)), 0);
    const hard = -softmax(row).reduce((all, share, k) => all + (rows(targets, answers)[i]?.[k] ?? 0) * Math.log(share), 0);
    return sum + ((weights[i] ?? 0) * (hardShare * hard + (1 - hardShare) * temperature ** 2 * divergence)) / batch;
  }, 0);
  expect(await largestError({ batch, answers, targets, weights, teacher, write: (v) => distilled(LOSSES.cross_entropy.write, { temperature, hardShare }, v), plain })).toBeLessThan(1e-4);
});

test("triplets: those of the same class against each one of another", async () => {
  const labels = [0, 1, 0, 2, 1, 1, 0, 3];
  expect(await largestError({ batch: 8, answers: 3, targets: labels, weights: ONES(8), write: () => LOSSES.triplet.write, plain: (z) => plainTriplet(z, labels) })).toBeLessThan(1e-4);
});

test("triplets: a batch of one class has nothing to tell apart, and no gradient", async () => {
  expect(await largestError({ batch: 4, answers: 2, targets: ONES(4), weights: ONES(4), write: () => LOSSES.triplet.write, plain: () => 0 })).toBeLessThan(1e-4);
});
