import type { GraphMath } from "../autodiff/graph-math.ts";
import type { Loss } from "./loss.ts";

/** How much farther examples of another class should be than those of the same one. */
const MARGIN = 1;
/** Farther than anything: marks pairs that do not count. */
const FAR = 1e30;

/**
 * Answers of one class near each other and away from the others: for each example the farthest of its class and the nearest of another one in the batch, squared distances,
 * mean of max(0, d₊ − d₋ + 1) (Hermans, Beyer and Leibe 2017, "batch hard"). Examples without one of both in the batch do not count.
 */
export const triplet: Loss = {
  absorbs: null,
  isOfClasses: false,
  targets: "label",
  write: ({ math, answer, targets, weights }) => {
    const [n = 1, length = 1] = math.dims(answer);
    const { far, near, isNear, isFar } = pairs(math, answer, targets, n);
    const over = math.plus(math.subtract(far.distance, near.distance), MARGIN);
    const counts = math.both(math.both(isNear, isFar), math.compare("Greater", over, math.constant(0, over)));
    const share = math.scale(math.masked(weights, counts), 1 / n);
    const loss = math.sum(math.multiply(math.masked(over, counts), share), [0, 1]);
    const twice = math.expand(math.scale(share, 2), [n, length]);
    const [same, other] = [math.matrixProduct(far.which, answer), math.matrixProduct(near.which, answer)];
    const back = (which: string, gradient: string): string => math.matrixProduct(which, gradient, { transposesA: true });
    const own = math.multiply(math.subtract(other, same), twice);
    const ofSame = back(far.which, math.multiply(math.subtract(same, answer), twice));
    const ofOther = back(near.which, math.multiply(math.subtract(answer, other), twice));
    return { loss, seed: math.add(math.add(own, ofSame), ofOther) };
  },
};

/** For each example its farthest fellow and its nearest stranger: how far, and which as a row of zeros and one 1. */
function pairs(math: GraphMath, answer: string, labels: string, n: number) {
  const squares = math.sum(math.multiply(answer, answer), [1], true);
  const products = math.matrixProduct(answer, answer, { transposesB: true });
  const distances = math.add(math.subtract(squares, math.scale(products, 2)), math.transpose(squares, [1, 0]));
  const isSame = math.compare("Equal", labels, math.transpose(labels, [1, 0]));
  const itself = math.builder.floats(Array.from({ length: n * n }, (_, i) => (Math.floor(i / n) === i % n ? -FAR : 0)), [n, n]);
  const fellows = math.add(math.where(isSame, distances, math.constant(-FAR, distances)), itself);
  const strangers = math.where(isSame, math.constant(FAR, distances), distances);
  const extreme = (kind: "Max" | "Min", values: string) => {
    const distance = math.emit(`Reduce${kind}`, [values, math.builder.int64s([1])], [n, 1], { keepdims: { int: 1 } });
    const place = math.emit(`Arg${kind}`, [values], [n, 1], { axis: { int: 1 }, keepdims: { int: 1 } }, { elementType: "int64" });
    const which = math.cast(math.compare("Equal", place, math.builder.int64s(Array.from({ length: n }, (_, i) => i), [1, n])), "float32");
    return { distance, which };
  };
  const [far, near] = [extreme("Max", fellows), extreme("Min", strangers)];
  const within = math.constant(FAR / 2, distances);
  return { far, near, isNear: math.compare("Less", near.distance, within), isFar: math.compare("Greater", far.distance, math.negate(within)) };
}

/** The same in plain numbers, for all examples at once. */
export function plainTriplet(answers: readonly (readonly number[])[], labels: readonly (number | null)[]): number {
  const distance = (a: number, b: number): number => (answers[a] ?? []).reduce((sum, value, k) => sum + (value - (answers[b]?.[k] ?? 0)) ** 2, 0);
  let sum = 0;
  for (let i = 0; i < answers.length; i += 1) {
    let [far, near] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let j = 0; j < answers.length; j += 1) {
      if (j !== i && labels[j] === labels[i]) far = Math.max(far, distance(i, j));
      if (labels[j] !== labels[i]) near = Math.min(near, distance(i, j));
    }
    if (Number.isFinite(far) && Number.isFinite(near)) sum += Math.max(0, far - near + MARGIN);
  }
  return sum / answers.length;
}
