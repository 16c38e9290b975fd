import { Network } from "./network.ts";
import { SIZES, ofSize } from "./sizes.ts";
import type { TrainingTemplate } from "./template.ts";
import { TemplateRefusal } from "./template-refusal.ts";
import { logMel } from "./log-mel.ts";

/** DS-CNN (Zhang, Suda, Lai and Chandra 2017, "Hello Edge"): a convolution, then depthwise separable ones, over a log-mel picture made in the graph. */
export const keywordSpotter: TrainingTemplate = {
  id: "ds-cnn",
  title: "Keyword spotter",
  description: "DS-CNN over a log-mel spectrogram that is part of the model: it takes the samples of a second of sound as they are.",
  suits: "audio",
  presets: SIZES,
  write: ({ input, answers }, preset, seed) => {
    if (input.length !== 1) throw new TemplateRefusal(`${keywordSpotter.title} takes the samples of a sound, not ${input.join(" × ")}`);
    const { filters, blocks } = ofSize(preset, { small: { filters: 32, blocks: 2 }, medium: { filters: 64, blocks: 4 }, large: { filters: 128, blocks: 5 } });
    const network = logMel(new Network("ds-cnn", input, seed));
    network.conv(filters, [4, 10].map((size, i) => Math.min(size, network.dims[i + 2] ?? 1)), null, { strides: [2, 2], isSame: true, hasBias: false }).batchNorm("Relu");
    for (let block = 0; block < blocks; block += 1) {
      network.conv(filters, [3, 3], null, { isSame: true, isDepthwise: true, hasBias: false }).batchNorm("Relu").conv(filters, [1, 1], null, { hasBias: false }).batchNorm("Relu");
    }
    return network.globalAverage().dense(answers, null);
  },
};
