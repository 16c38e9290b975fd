import type { TrainingRecipe } from "../recipe.ts";
import type { Loss } from "./loss.ts";

type Distillation = NonNullable<TrainingRecipe["distillation"]>;

/**
 * Learning from another model's answers (Hinton, Vinyals and Dean 2015): h · loss + (1 − h) · T² · KL(softmax(v/T) ‖ softmax(z/T)) with the other model's logits v. T² keeps the slope's size
 * when the temperature changes; it is (1 − h) · T · (softmax(z/T) − softmax(v/T)).
 */
export function distilled(hard: Loss["write"], { temperature, hardShare }: Distillation, teacher: string): Loss["write"] {
  return (inputs) => {
    const { math, answer, weights } = inputs;
    const dims = math.dims(answer);
    const [batch = 1] = dims;
    const logShares = (logits: string): string => math.emit("LogSoftmax", [math.scale(logits, 1 / temperature)], dims, { axis: { int: 1 } });
    const [said, taught] = [logShares(answer), logShares(teacher)];
    const wanted = math.unary("Exp", taught);
    const each = math.multiply(math.multiply(wanted, math.subtract(taught, said)), weights);
    const soft = math.scale(math.sum(each, [0, 1]), ((1 - hardShare) * temperature ** 2) / batch);
    const slope = math.multiply(math.subtract(math.unary("Exp", said), wanted), math.scale(weights, ((1 - hardShare) * temperature) / batch));
    if (hardShare === 0) return { loss: soft, seed: slope };
    const written = hard(inputs);
    return { loss: math.add(math.scale(written.loss, hardShare), soft), seed: math.add(math.scale(written.seed, hardShare), slope) };
  };
}
