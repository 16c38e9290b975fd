export type TrainingRefusalCode = "training_diverged" | "nothing_to_train" | "examples_do_not_fit" | "checkpoint_unreadable" | "checkpoint_of_another_training" | "no_examples" | "teacher_does_not_fit";

/** Why a training cannot begin or go on. `reason` is a sentence for people that says what to do. */
export class TrainingRefusal extends Error {
  readonly code: TrainingRefusalCode;
  readonly reason: string;

  constructor(code: TrainingRefusalCode, reason: string) {
    super(reason);
    this.name = "TrainingRefusal";
    this.code = code;
    this.reason = reason;
  }
}
