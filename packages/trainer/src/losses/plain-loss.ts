import type { LossKind } from "../recipe.ts";

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
/** A share that is 0 in single precision would be infinitely wrong. */
const LEAST_SHARE = 1e-12;

/** The loss of one example, from what the finished model answers: shares where it ends in Softmax or Sigmoid (`hasShares`), else the raw answers. */
export function plainLoss(kind: Exclude<LossKind, "triplet">, answer: readonly number[], target: readonly number[], hasShares: boolean): number {
  if (kind === "cross_entropy") {
    const shares = hasShares ? answer : softmax(answer);
    return -target.reduce((sum, share, i) => (share === 0 ? sum : sum + share * Math.log(Math.max(shares[i] ?? 0, LEAST_SHARE))), 0);
  }
  if (kind === "binary_cross_entropy") {
    return mean(answer.map((value, i) => {
      const share = Math.min(Math.max(hasShares ? value : 1 / (1 + Math.exp(-value)), LEAST_SHARE), 1 - LEAST_SHARE);
      return -((target[i] ?? 0) * Math.log(share) + (1 - (target[i] ?? 0)) * Math.log(1 - share));
    }));
  }
  const distances = answer.map((value, i) => Math.abs(value - (target[i] ?? 0)));
  if (kind === "mean_squared_error") return mean(distances.map((distance) => distance ** 2));
  if (kind === "mean_absolute_error") return mean(distances);
  return mean(distances.map((distance) => (distance <= 1 ? distance ** 2 / 2 : distance - 0.5)));
}

export function softmax(values: readonly number[]): number[] {
  const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
