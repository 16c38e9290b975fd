import type { TrainingRecipe } from "../recipe.ts";

/** A "step" schedule lowers the rate tenfold at these shares of the way. */
const STEPS_AT = [0.5, 0.75] as const;
const STEP_FACTOR = 0.1;

/**
 * The learning rate at `progress` (0 to 1) of a training that has gone `epochs` epochs: rises over the warm-up, then stays, falls in steps, or falls as half a
 * cosine (Loshchilov and Hutter 2017).
 */
export function learningRateAt({ optimizer, schedule }: Pick<TrainingRecipe, "optimizer" | "schedule">, progress: number, epochs: number): number {
  const warm = schedule.warmupEpochs > 0 ? Math.min(1, epochs / schedule.warmupEpochs) : 1;
  const at = Math.min(Math.max(progress, 0), 1);
  const factor = schedule.kind === "constant" ? 1 : schedule.kind === "cosine" ? (1 + Math.cos(Math.PI * at)) / 2 : STEPS_AT.reduce((rate, share) => (at >= share ? rate * STEP_FACTOR : rate), 1);
  return optimizer.learningRate * warm * factor;
}
