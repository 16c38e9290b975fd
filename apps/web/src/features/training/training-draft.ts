import type { DatasetVersionView, FittingTemplate, VersionView } from "@flotilla/fleet";

/** What the form holds: numbers as typed. */
export type TrainingDraft = {
  start: "template" | "version" | "outside";
  script: string; parameters: string;
  freeze: "nothing" | "up_to"; freezeUpTo: string;
  modelName: string;
  /** Rounded while it is trained: weights of 8 bits or of 4, activations of 8. */
  rounding: "off" | "int8" | "w4a8"; perChannel: boolean;
  teaches: boolean; temperature: string; labelShare: string;
  loss: "fitting" | "binary_cross_entropy" | "mean_absolute_error" | "huber" | "triplet";
  budget: "epochs" | "minutes"; epochs: string; minutes: string;
  optimizer: "adam" | "adamw" | "sgd"; learningRate: string; schedule: "constant" | "step" | "cosine"; warmupEpochs: string; momentum: string; weightDecay: string;
  batchSize: string; accumulation: string; clipNorm: string; labelSmoothing: string; emaDecay: string; patience: string; seed: string; balanced: boolean;
  shift: string; rotate: string; scale: string; brightness: string; contrast: string; noise: string; mixup: string; crop: string; flip: boolean;
};

/** Names of the fields that hold numbers. */
export type NumberField = {
  [K in keyof TrainingDraft]: K extends "freezeUpTo" | "modelName" | "script" | "parameters" ? never : string extends TrainingDraft[K] ? K : never;
}[keyof TrainingDraft];

type Rule = { min: number; max: number; whole?: true; optional?: true; sentence: string };

/** What a number may be, and the sentence that says so. */
export const numberRules: Record<NumberField, Rule> = {
  temperature: { min: 0.5, max: 20, sentence: "The temperature is from 0.5 to 20." },
  labelShare: { min: 0, max: 100, sentence: "The labels' share is from 0 to 100 %." },
  epochs: { min: 1, max: 10_000, whole: true, sentence: "Epochs are a whole number from 1 to 10,000." },
  minutes: { min: 0.1, max: 10_080, sentence: "The time is between 0.1 minutes and 7 days (10,080 minutes)." },
  learningRate: { min: 1e-9, max: 10, sentence: "The learning rate is a number above 0, for example 0.001." },
  warmupEpochs: { min: 0, max: 1_000, sentence: "The warm-up is a number of epochs, 0 for none." },
  momentum: { min: 0, max: 0.9999, sentence: "Momentum is from 0 to below 1." },
  weightDecay: { min: 0, max: 1, sentence: "Weight decay is from 0 to 1." },
  batchSize: { min: 1, max: 4_096, whole: true, sentence: "A batch has 1 to 4,096 examples." },
  accumulation: { min: 1, max: 1_024, whole: true, sentence: "Gradients of 1 to 1,024 batches are added up." },
  clipNorm: { min: 1e-6, max: 1e6, optional: true, sentence: "The longest gradient is a number above 0, or empty for no limit." },
  labelSmoothing: { min: 0, max: 0.5, sentence: "Label smoothing is from 0 to 0.5." },
  emaDecay: { min: 0.5, max: 0.99999, optional: true, sentence: "The decay of averaged weights is from 0.5 to 0.99999, or empty for none." },
  patience: { min: 1, max: 1_000, whole: true, optional: true, sentence: "Patience is a whole number of epochs, or empty to never stop early." },
  seed: { min: 0, max: 2 ** 31 - 1, whole: true, sentence: "The seed is a whole number." },
  shift: { min: 0, max: 50, sentence: "Examples are shifted by 0 to 50 % of their side." },
  rotate: { min: 0, max: 180, sentence: "Examples are turned by 0 to 180 degrees." },
  scale: { min: 0, max: 90, sentence: "Examples are scaled by 0 to 90 %." },
  brightness: { min: 0, max: 100, sentence: "Brightness changes by 0 to 100 %." },
  contrast: { min: 0, max: 100, sentence: "Contrast changes by 0 to 100 %." },
  noise: { min: 0, max: 100, sentence: "Noise is 0 to 100 % of the range of values." },
  crop: { min: 0, max: 64, whole: true, sentence: "The border that is cropped is 0 to 64 whole pixels." },
  mixup: { min: 0, max: 1, sentence: "The strength of mixup is from 0 to 1." },
};

const base: TrainingDraft = {
  start: "template", script: "", parameters: "{}", freeze: "nothing", freezeUpTo: "", modelName: "", rounding: "off", perChannel: true, teaches: false, temperature: "2", labelShare: "30", loss: "fitting", budget: "epochs", epochs: "10", minutes: "10",
  optimizer: "adam", learningRate: "0.001", schedule: "cosine", warmupEpochs: "0", momentum: "0.9", weightDecay: "0",
  batchSize: "32", accumulation: "1", clipNorm: "", labelSmoothing: "0", emaDecay: "", patience: "5", seed: "1", balanced: false,
  shift: "0", rotate: "0", scale: "0", brightness: "0", contrast: "0", noise: "0", mixup: "0", crop: "0", flip: false,
};

/** Good values to begin with. Weights that know something already are moved in smaller steps. */
export function freshDraft(start: TrainingDraft["start"]): TrainingDraft {
  return start !== "version" ? { ...base, start } : { ...base, start, learningRate: "0.0003", epochs: "5" };
}

/** A number as typed, or null: empty, not a number, or outside of what the field may be. */
export function numberIn(draft: TrainingDraft, field: NumberField): number | null {
  const { min, max, whole } = numberRules[field];
  const text = draft[field].trim().replace(",", ".");
  const value = text === "" ? Number.NaN : Number(text);
  return value >= min && value <= max && (whole === undefined || Number.isInteger(value)) ? value : null;
}

/** What is wrong with a number as typed; null when nothing is. */
export function numberProblem(draft: TrainingDraft, field: NumberField): string | null {
  const { optional, sentence } = numberRules[field];
  if (optional === true && draft[field].trim() === "") return null;
  return numberIn(draft, field) === null ? sentence : null;
}

/** The numbers that count with what is chosen: what is not used may be anything. */
export function usedNumbers(draft: TrainingDraft): NumberField[] {
  const unused = new Set<NumberField>([draft.budget === "epochs" ? "minutes" : "epochs", ...(draft.optimizer === "sgd" ? [] : (["momentum"] as const)), ...(draft.teaches ? [] : (["temperature", "labelShare"] as const))]);
  return (Object.keys(numberRules) as NumberField[]).filter((field) => !unused.has(field));
}

export type Chosen = { dataset: DatasetVersionView | null; template: FittingTemplate | null; preset: string | null; version: VersionView | null; /** Whom it learns from as well. */ teacher: VersionView | null };

/** Whether it learns classes: a template knows what it answers, a version is taken at what the examples are labelled with. */
export function learnsClasses(draft: TrainingDraft, { dataset, template }: Chosen): boolean {
  return draft.start === "template" && template !== null ? template.isClassifier : dataset?.summary?.task !== "regression" && dataset?.summary?.task !== "unlabelled";
}

/** Why it cannot be started, in the order of the form; null when it can. */
export function trainingProblem(draft: TrainingDraft, chosen: Chosen): string | null {
  const { dataset, template, preset, version } = chosen;
  if (dataset === null) return "Choose the examples to learn from.";
  if (dataset.state !== "ready" || dataset.summary === null) return `This version of the dataset is ${dataset.state}.`;
  if (dataset.summary.counts.train === 0) return "This version has no training split: nothing to learn from.";
  if (draft.start === "template" && (template === null || preset === null)) return "Choose a template and its size.";
  if (draft.start === "version" && version === null) return "Choose the model version to go on from.";
  if (draft.start === "version" && version !== null && version.state !== "ready") return `The version is ${version.state}: only one that is ready can be trained.`;
  if (draft.start === "version" && version?.preprocessing === null) return "Say first how an example becomes the model's input, under Preprocessing.";
  if (draft.start === "version" && draft.freeze === "up_to" && draft.freezeUpTo === "") return "Choose up to where the model stays as it is.";
  if (draft.start === "outside") return outsideProblem(draft);
  const recovery = recoveryProblem(draft, chosen);
  if (recovery !== null) return recovery;
  if (draft.start === "template" && draft.modelName.trim() === "") return "Say what the model is called.";
  if (draft.modelName.trim().length > 100) return "A name has at most 100 characters.";
  for (const field of usedNumbers(draft)) {
    const problem = numberProblem(draft, field);
    if (problem !== null) return problem;
  }
  return null;
}

/** What is wrong with how it is rounded, or with whom it learns from. */
function recoveryProblem(draft: TrainingDraft, chosen: Chosen): string | null {
  if (isRounded(draft) && draft.freeze === "up_to") return "Rounding changes all weights: train all of it, or do not round.";
  if (!draft.teaches) return null;
  const { teacher } = chosen;
  if (!learnsClasses(draft, chosen) || draft.loss !== "fitting") return "Only a network that tells classes apart, with cross-entropy, learns from another one's answers.";
  if (teacher === null) return "Choose the version to learn from.";
  if (teacher.state !== "ready") return `The version to learn from is ${teacher.state}.`;
  return teacher.preprocessing === null ? "Say first how an example becomes the input of the version to learn from, under Preprocessing on its page." : null;
}

/** Only what has learnt already is rounded. */
export function isRounded({ start, rounding }: TrainingDraft): boolean {
  return start === "version" && rounding !== "off";
}

/** Outside of here only the names count: what the script does with its parameters is its own business. */
function outsideProblem({ script, modelName, parameters }: TrainingDraft): string | null {
  if (script.trim() === "") return "Say which script an outside runner is to run.";
  if (modelName.trim() === "") return "Say what the model is called.";
  return parametersOf(parameters) === null ? "Parameters are a JSON object, for example {\"epochs\": 10}." : null;
}

/** A JSON object as typed; empty text is an empty one. */
export function parametersOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text.trim() === "" ? "{}" : text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** What to know before it starts, though it may be as it is. */
export function trainingDoubts(draft: TrainingDraft, { dataset, version, teacher }: Chosen): string[] {
  const summary = dataset?.summary;
  if (summary == null || draft.start === "outside") return [];
  const doubts: string[] = [];
  if (summary.counts.validation === 0) doubts.push("There is no validation split: nobody sees when it begins to learn by heart, and the last weights are kept instead of the best.");
  const batch = numberIn(draft, "batchSize");
  if (batch !== null && summary.counts.train > 0 && batch > summary.counts.train) doubts.push(`A batch of ${batch} is more than the ${summary.counts.train} examples there are.`);
  for (const [asked, answers, who] of [[draft.start === "version" && draft.loss !== "triplet", version, "The model"], [draft.teaches, teacher, "The version to learn from"]] as const) {
    const outputs = answers?.inspection?.outputs[0]?.shape.at(-1);
    if (asked && summary.task === "classification" && typeof outputs === "number" && outputs !== summary.classes.length) doubts.push(`${who} answers ${outputs} classes, the dataset has ${summary.classes.length}.`);
  }
  return doubts;
}
