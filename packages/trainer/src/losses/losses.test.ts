import { openModel, seededRandom, type Tensor } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphMath } from "../autodiff/graph-math.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import type { LossKind } from "../recipe.ts";
import { LOSSES } from "./losses.ts";

const [batch, answers] = [3, 4];

/** The losses in plain numbers, one example at a time. */
const PLAIN: Readonly<Record<Exclude<LossKind, "triplet">, (z: number[], t: number[]) => number>> = {
  cross_entropy: (z, t) => { const all = Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0)); return -t.reduce((sum, share, i) => sum + share * ((z[i] ?? 0) - all), 0); },
  binary_cross_entropy: (z, t) => mean(z.map((value, i) => { const p = 1 / (1 + Math.exp(-value)); return -((t[i] ?? 0) * Math.log(p) + (1 - (t[i] ?? 0)) * Math.log(1 - p)); })),
  mean_squared_error: (z, t) => mean(z.map((value, i) => (value - (t[i] ?? 0)) ** 2)),
  mean_absolute_error: (z, t) => mean(z.map((value, i) => Math.abs(value - (t[i] ?? 0)))),
  huber: (z, t) => mean(z.map((value, i) => { const d = Math.abs(value - (t[i] ?? 0)); return d <= 1 ? d * d / 2 : d - 0.5; })),
};

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

for (const kind of Object.keys(PLAIN) as Exclude<LossKind, "triplet">[]) {
  test(`${kind}: the loss is that of its formula, and the seed its slope`, async () => {
    const builder = new GraphBuilder("loss");
    const math = new GraphMath(builder);
    const written = LOSSES[kind].write({ math, answer: builder.input("z", float32([batch, answers])), targets: builder.input("t", float32([batch, answers])), weights: builder.input("w", float32([batch, 1])) });
    builder.output(written.loss, "loss");
    builder.output(written.seed, "seed");
    const open = await openModel(writeOnnx(builder.toModel()));
    const random = seededRandom(7);
    const z = Array.from({ length: batch * answers }, () => 6 * random() - 3);
    const raw = Array.from({ length: batch * answers }, () => random());
    const rows = (values: readonly number[]): number[][] => Array.from({ length: batch }, (_, i) => values.slice(i * answers, (i + 1) * answers));
    const t = kind === "cross_entropy" ? rows(raw).flatMap((row) => row.map((value) => value / row.reduce((a, b) => a + b, 0))) : raw;
    const w = [0.5, 2, 0.5];
    const tensor = (shape: number[], values: readonly number[]): Tensor => ({ elementType: "float32", shape, data: Float32Array.from(values) });
    const found = await open.run({ z: tensor([batch, answers], z), t: tensor([batch, answers], t), w: tensor([batch, 1], w) });
    const plain = (values: readonly number[]): number => mean(rows(values).map((row, i) => (w[i] ?? 0) * PLAIN[kind](row, rows(t)[i] ?? [])));
    expect(Number((found["loss"] as Tensor).data[0])).toBeCloseTo(plain(z), 5);
    for (let at = 0; at < z.length; at += 1) {
      const moved = (by: number): number => plain(z.map((value, i) => (i === at ? value + by : value)));
      expect(Number((found["seed"] as Tensor).data[at])).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 4);
    }
    await open.close();
  });
}
