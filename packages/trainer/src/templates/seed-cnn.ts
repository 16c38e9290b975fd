import { imageInput } from "./image-input.ts";
import { Network } from "./network.ts";
import { SIZES, ofSize } from "./sizes.ts";
import type { TrainingTemplate } from "./template.ts";

/** Three convolutions and two dense layers: 93,322 weights for digits of 28 × 28 in its medium size. */
export const seedCnn: TrainingTemplate = {
  id: "cnn",
  title: "Small convolutional network",
  description: "Three convolutions, two poolings, two dense layers. Digits, signs, small grey or colour pictures of about 28 × 28.",
  suits: "images",
  presets: SIZES,
  write: ({ input, answers }, preset, seed) => {
    imageInput(input, seedCnn.title);
    const [first, others, dense] = ofSize(preset, { small: [8, 16, 32], medium: [32, 64, 64], large: [64, 128, 128] });
    return new Network("cnn", input, seed)
      .conv(first, [3, 3], "Relu").maxPool([2, 2])
      .conv(others, [3, 3], "Relu").maxPool([2, 2])
      .conv(others, [3, 3], "Relu")
      .flatten().dense(dense, "Relu").dense(answers, null);
  },
};
