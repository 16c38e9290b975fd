import type { OnnxModel } from "@flotilla/runtime/ir";
import { autoencoder } from "./autoencoder.ts";
import { imageAutoencoder } from "./image-autoencoder.ts";
import { keywordSpotter } from "./keyword-spotter.ts";
import { mobileNet } from "./mobile-net.ts";
import { multilayerPerceptron } from "./multilayer-perceptron.ts";
import type { Network, NetworkCost } from "./network.ts";
import { resNet } from "./res-net.ts";
import { seedCnn } from "./seed-cnn.ts";
import { seriesCnn } from "./series-cnn.ts";
import { TemplateRefusal } from "./template-refusal.ts";

/** What a network is built for: an input without its batch ([channels, height, width], [values], [samples] …), and how many classes or numbers it answers. */
export type TemplateOptions = { readonly input: readonly number[]; readonly answers: number; readonly isClassifier: boolean };

/** A network to start from, in a few sizes. `suits` names the examples it is for. */
export type TrainingTemplate = {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly suits: "images" | "table" | "audio" | "series";
  readonly presets: readonly { readonly id: string; readonly title: string }[];
  /** It answers as many numbers as it takes, and what it should answer is what it took: no labels are needed. */
  readonly learnsItsInput?: boolean;
  /** Writes the layers. Throws TemplateRefusal when the input is of another form, or too small. */
  readonly write: (options: TemplateOptions, preset: string, seed: number) => Network;
};

const TEMPLATES: readonly TrainingTemplate[] = [seedCnn, resNet, mobileNet, multilayerPerceptron, keywordSpotter, seriesCnn, autoencoder, imageAutoencoder];
const MOST_ANSWERS = 10_000;
const MOST_INPUTS = 2 ** 22;

export function listTemplates(): readonly TrainingTemplate[] {
  return TEMPLATES;
}

/** A model with weights drawn from the seed; the same options give the same bytes. Throws TemplateRefusal. */
export function buildTemplate(id: string, preset: string, options: TemplateOptions, seed: number): OnnxModel {
  return written(id, preset, options, seed).finish({ isClassifier: options.isClassifier });
}

/** How large such a network is. Throws TemplateRefusal. */
export function describeTemplate(id: string, preset: string, options: TemplateOptions): NetworkCost {
  return written(id, preset, options, 1).cost;
}

function written(id: string, preset: string, options: TemplateOptions, seed: number): Network {
  const template = TEMPLATES.find((candidate) => candidate.id === id);
  if (template === undefined) throw new TemplateRefusal(`there is no template "${id}"`);
  if (!template.presets.some((candidate) => candidate.id === preset)) throw new TemplateRefusal(`the template "${id}" has no size "${preset}"`);
  if (template.learnsItsInput !== true && !(Number.isInteger(options.answers) && options.answers >= 1 && options.answers <= MOST_ANSWERS)) throw new TemplateRefusal(`a network answers 1 to ${MOST_ANSWERS} numbers, not ${options.answers}`);
  if (options.input.reduce((all, dim) => all * dim, 1) > MOST_INPUTS) throw new TemplateRefusal(`an input of ${options.input.join(" × ")} is too large to train on`);
  return template.write(options, preset, seed);
}
