import type { GraphMath } from "../autodiff/graph-math.ts";
import type { LossKind } from "../recipe.ts";
import { elementwise, type Loss } from "./loss.ts";
import { triplet } from "./triplet.ts";

/** −Σ q·log softmax(z); its gradient is softmax(z) − q where the shares q add up to 1 (Bishop 2006, 4.109). */
const crossEntropy: Loss = {
  absorbs: "Softmax",
  isOfClasses: true,
  write: ({ math, answer, targets, weights }) => {
    const [batch = 1] = math.dims(answer);
    const logShares = math.emit("LogSoftmax", [answer], math.dims(answer), { axis: { int: 1 } });
    const each = math.multiply(math.multiply(targets, logShares), weights);
    const seed = math.multiply(math.subtract(math.unary("Exp", logShares), targets), math.scale(weights, 1 / batch));
    return { loss: math.scale(math.sum(each, [0, 1]), -1 / batch), seed };
  },
};

/** log(1 + eᶻ) − z·t, with slope σ(z) − t. */
const binaryCrossEntropy: Loss = {
  absorbs: "Sigmoid",
  isOfClasses: false,
  write: elementwise((math, answer, targets) => ({
    value: math.subtract(math.unary("Softplus", answer), math.multiply(answer, targets)),
    slope: math.subtract(math.unary("Sigmoid", answer), targets),
  })),
};

const ofDifference = (write: (math: GraphMath, difference: string) => { value: string; slope: string }): Loss => ({
  absorbs: null,
  isOfClasses: false,
  write: elementwise((math, answer, targets) => write(math, math.subtract(answer, targets))),
});

const squared = ofDifference((math, difference) => ({ value: math.multiply(difference, difference), slope: math.scale(difference, 2) }));
const absolute = ofDifference((math, difference) => ({ value: math.unary("Abs", difference), slope: math.unary("Sign", difference) }));

/** Half the square up to 1, the distance less a half beyond (Huber 1964): with c = clip(d, −1, 1) it is c·(d − c/2), with slope c. */
const huber = ofDifference((math, difference) => {
  const cut = math.emit("Clip", [difference, math.constant(-1, difference), math.constant(1, difference)], math.dims(difference));
  return { value: math.multiply(cut, math.subtract(difference, math.scale(cut, 0.5))), slope: cut };
});

export const LOSSES: Readonly<Record<LossKind, Loss>> = { cross_entropy: crossEntropy, binary_cross_entropy: binaryCrossEntropy, mean_squared_error: squared, mean_absolute_error: absolute, huber, triplet };
