import type { Tensors } from "@flotilla/runtime";
import { classOutput, classScores, numbersOf } from "../evaluate/output-scores.ts";

/** What a loss measures: "kl" the divergence of the classes' probabilities in nats, "nmse" Σ(y − ŷ)² / Σy² over all outputs. */
export type LossKind = "kl" | "nmse";

/** How far outputs have moved from those of the float model. Infinity where they cannot be compared. */
export function outputLoss(expected: Tensors, actual: Tensors): { readonly kind: LossKind; readonly loss: number } {
  const output = classOutput(expected);
  const [p, q] = [expected, actual].map((outputs) => probabilities(outputs, output));
  if (p !== undefined && q !== undefined && p !== null && q !== null && p.length === q.length) return { kind: "kl", loss: divergence(p, q) };
  return { kind: "nmse", loss: normalisedError(expected, actual) };
}

function probabilities(outputs: Tensors, name: string | null): Float64Array | null {
  const tensor = outputs[name ?? ""];
  const scores = tensor === undefined ? null : classScores(tensor);
  if (scores === null) return null;
  const values = Float64Array.from(scores);
  const sum = values.reduce((total, value) => total + value, 0);
  // What sums to 1 without a negative number is taken for probabilities already.
  if (Math.abs(sum - 1) < 1e-3 && values.every((value) => value >= 0)) return values;
  const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = values.map((value) => Math.exp(value - highest));
  const total = powers.reduce((all, value) => all + value, 0);
  return powers.map((value) => value / total);
}

const TINY = 1e-12;

function divergence(p: Float64Array, q: Float64Array): number {
  const loss = p.reduce((sum, chance, at) => sum + (chance > 0 ? chance * Math.log(chance / Math.max(q[at] ?? 0, TINY)) : 0), 0);
  return Number.isFinite(loss) ? Math.max(0, loss) : Infinity;
}

function normalisedError(expected: Tensors, actual: Tensors): number {
  let [squares, errors] = [0, 0];
  for (const [name, tensor] of Object.entries(expected)) {
    const other = actual[name];
    const [a, b] = [numbersOf(tensor), other === undefined ? null : numbersOf(other)];
    if (a === null) continue;
    if (b === null || a.length !== b.length) return Infinity;
    for (let at = 0; at < a.length; at += 1) {
      squares += (a[at] ?? 0) ** 2;
      errors += ((a[at] ?? 0) - (b[at] ?? 0)) ** 2;
    }
  }
  if (errors === 0) return 0;
  const loss = errors / Math.max(squares, TINY);
  return Number.isFinite(loss) ? loss : Infinity;
}
