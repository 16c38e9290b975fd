import { Network } from "./network.ts";
import { SIZES, ofSize } from "./sizes.ts";
import type { TrainingTemplate } from "./template.ts";

export const multilayerPerceptron: TrainingTemplate = {
  id: "mlp",
  title: "Dense network",
  description: "Two or three dense layers for rows of numbers: tables, sensor summaries, embeddings.",
  suits: "table",
  presets: SIZES,
  write: ({ input, answers }, preset, seed) => {
    const network = new Network("mlp", input, seed);
    if (input.length > 1) network.flatten();
    for (const units of ofSize(preset, { small: [16], medium: [64, 32], large: [256, 128, 64] })) network.dense(units, "Relu");
    return network.dense(answers, null);
  },
};
