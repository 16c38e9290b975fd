import type { StepNumbers } from "./step-runner.ts";

/** A number of a training at a step. */
export type TrainingPoint = { readonly name: string; readonly step: number; readonly value: number };

/** Points of a curve per epoch, at most. */
const POINTS_PER_EPOCH = 20;

/** Brings the numbers of an epoch's steps together into a few points each: means since the point before. The same steps give the same points. */
export class EpochNumbers {
  readonly #every: number;
  readonly #examplesPerStep: number;
  readonly #tell: (points: readonly TrainingPoint[]) => void;
  readonly #beganMs = performance.now();
  #sums = { loss: 0, correct: 0, norm: 0, steps: 0 };
  #rate = 0;
  #hasClasses = false;

  constructor(stepsPerEpoch: number, examplesPerStep: number, tell: (points: readonly TrainingPoint[]) => void) {
    this.#every = Math.max(1, Math.ceil(stepsPerEpoch / POINTS_PER_EPOCH));
    this.#examplesPerStep = examplesPerStep;
    this.#tell = tell;
  }

  add(step: number, { loss, correct, gradientNorm }: StepNumbers, rate: number): void {
    this.#sums.loss += loss;
    this.#sums.norm += gradientNorm;
    this.#sums.steps += 1;
    this.#hasClasses = correct !== null;
    this.#sums.correct += correct ?? 0;
    this.#rate = rate;
    if (this.#sums.steps >= this.#every) this.flush(step);
  }

  flush(step: number): void {
    const { loss, correct, norm, steps } = this.#sums;
    if (steps === 0) return;
    const points = [{ name: "train loss", step, value: loss / steps }, { name: "learning rate", step, value: this.#rate }, { name: "gradient norm", step, value: norm / steps }];
    if (this.#hasClasses) points.push({ name: "train accuracy", step, value: correct / (steps * this.#examplesPerStep) });
    this.#tell(points);
    this.#sums = { loss: 0, correct: 0, norm: 0, steps: 0 };
  }

  /** How quick the epoch was, with everything but validation. */
  speed(step: number, steps: number): void {
    this.#tell([{ name: "examples/s", step, value: (steps * this.#examplesPerStep * 1000) / (performance.now() - this.#beganMs) }]);
  }
}
