import { Network } from "./network.ts";
import { SIZES, ofSize } from "./sizes.ts";
import type { TrainingTemplate } from "./template.ts";
import { TemplateRefusal } from "./template-refusal.ts";

export const seriesCnn: TrainingTemplate = {
  id: "series",
  title: "Network for series",
  description: "Convolutions along time for vibration, current and other sensors: one or more channels of samples.",
  suits: "series",
  presets: SIZES,
  write: ({ input, answers }, preset, seed) => {
    if (input.length > 2) throw new TemplateRefusal(`${seriesCnn.title} takes samples, or channels × samples, not ${input.join(" × ")}`);
    const network = new Network("series", input, seed);
    const [samples = 1] = input;
    if (input.length === 1) network.apply("Unsqueeze", [network.builder.int64s([1])], [1, 1, samples]);
    for (const filters of ofSize(preset, { small: [8, 16], medium: [16, 32, 64], large: [32, 64, 128] })) {
      network.conv(filters, [5], null, { isSame: true, hasBias: false }).batchNorm("Relu").maxPool([2]);
    }
    return network.globalAverage().dense(answers, null);
  },
};
