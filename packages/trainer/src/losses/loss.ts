import type { GraphMath } from "../autodiff/graph-math.ts";

/** What a loss is written from. */
export type LossInputs = {
  readonly math: GraphMath;
  /** [batch, answers]: logits for classes, else what is predicted. */
  readonly answer: string;
  /** [batch, answers]: shares of each class, or the numbers to predict. */
  readonly targets: string;
  /** [batch, 1]: how much each example counts; 1 on average. */
  readonly weights: string;
};

/** The mean over the batch, and what it says of the answers. */
export type WrittenLoss = { readonly loss: string; /** dLoss/dAnswer. */ readonly seed: string };

export type Loss = {
  /** The last operator of a model that the loss does in a stabler way itself: training ends in front of it. */
  readonly absorbs: "Softmax" | "Sigmoid" | null;
  /** Whether the answers are classes, one of which is right. */
  readonly isOfClasses: boolean;
  /** "label": the targets are the class of each example alone, whatever the answers are. */
  readonly targets?: "label";
  readonly write: (inputs: LossInputs) => WrittenLoss;
};

/** Mean over batch and answers of an elementwise loss with its slope. */
export function elementwise(write: (math: GraphMath, answer: string, targets: string) => { value: string; slope: string }): Loss["write"] {
  return ({ math, answer, targets, weights }) => {
    const { value, slope } = write(math, answer, targets);
    const count = math.dims(answer).reduce((product, dim) => product * dim, 1);
    const axes = math.dims(answer).map((_, axis) => axis);
    return { loss: math.scale(math.sum(math.multiply(value, weights), axes), 1 / count), seed: math.scale(math.multiply(slope, weights), 1 / count) };
  };
}
