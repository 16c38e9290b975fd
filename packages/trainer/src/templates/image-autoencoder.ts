import { imageInput } from "./image-input.ts";
import { Network } from "./network.ts";
import { SIZES, ofSize } from "./sizes.ts";
import type { TrainingTemplate } from "./template.ts";

/** Convolutions down to a few channels on a coarse grid, and transposed ones up again (Masci et al. 2011): what it cannot draw again is unusual. */
export const imageAutoencoder: TrainingTemplate = {
  id: "image-autoencoder",
  title: "Autoencoder for pictures",
  description: "Learns to draw pictures again from a small code. What comes back badly, such as a scratch or a missing part, is unlike what it was trained on.",
  suits: "images",
  presets: SIZES,
  learnsItsInput: true,
  write: ({ input }, preset, seed) => {
    const [channels] = imageInput(input, imageAutoencoder.title);
    const { filters, code } = ofSize(preset, { small: { filters: [8, 16], code: 2 }, medium: { filters: [16, 32], code: 4 }, large: { filters: [32, 64, 128], code: 8 } });
    const network = new Network("image-autoencoder", input, seed);
    const sides: (readonly number[])[] = [];
    for (const count of filters) {
      sides.push(network.dims.slice(2));
      network.conv(count, [3, 3], "Relu", { strides: [2, 2], isSame: true });
    }
    network.conv(code, [1, 1], null);
    for (const count of filters.toReversed()) network.doubled(count, sides.pop() ?? [], "Relu");
    return network.conv(channels, [3, 3], null, { isSame: true }).flatten();
  },
};
