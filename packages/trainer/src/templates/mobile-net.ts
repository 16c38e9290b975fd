import { imageInput } from "./image-input.ts";
import { Network } from "./network.ts";
import { SIZES, ofSize } from "./sizes.ts";
import type { TrainingTemplate } from "./template.ts";

/** Filters and strides of the separable convolutions of MobileNet (Howard et al. 2017, table 1), at full width. */
const LAYERS: readonly (readonly [filters: number, stride: number])[] = [[64, 1], [128, 2], [128, 1], [256, 2], [256, 1], [512, 2], [512, 1]];

export const mobileNet: TrainingTemplate = {
  id: "mobilenet",
  title: "MobileNet",
  description: "Depthwise separable convolutions: few multiplications for pictures of 64 × 64 and more.",
  suits: "images",
  presets: SIZES,
  write: ({ input, answers }, preset, seed) => {
    imageInput(input, mobileNet.title);
    const width = ofSize(preset, { small: 0.25, medium: 0.5, large: 1 });
    const of = (filters: number): number => Math.max(8, Math.round(filters * width));
    const network = new Network("mobilenet", input, seed).conv(of(32), [3, 3], null, { strides: [2, 2], isSame: true, hasBias: false }).batchNorm("Relu");
    for (const [filters, stride] of LAYERS) {
      network.conv(network.dims[1] ?? 1, [3, 3], null, { strides: [stride, stride], isSame: true, isDepthwise: true, hasBias: false }).batchNorm("Relu");
      network.conv(of(filters), [1, 1], null, { hasBias: false }).batchNorm("Relu");
    }
    return network.globalAverage().dense(answers, null);
  },
};
