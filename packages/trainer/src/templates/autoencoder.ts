import { Network } from "./network.ts";
import { SIZES, ofSize } from "./sizes.ts";
import type { TrainingTemplate } from "./template.ts";

/** Dense layers through a narrow middle, as MLPerf Tiny's for anomalies in sound: what it cannot draw again is unusual. */
export const autoencoder: TrainingTemplate = {
  id: "autoencoder",
  title: "Autoencoder for anomalies",
  description: "Learns to give back what it sees through a narrow middle. What comes back badly is unlike what it was trained on.",
  suits: "table",
  presets: SIZES,
  learnsItsInput: true,
  write: ({ input }, preset, seed) => {
    const values = input.reduce((all, dim) => all * dim, 1);
    const network = new Network("autoencoder", input, seed);
    if (input.length > 1) network.flatten();
    const { wide, narrow } = ofSize(preset, { small: { wide: [32], narrow: 4 }, medium: { wide: [128, 64], narrow: 8 }, large: { wide: [256, 128, 128], narrow: 16 } });
    for (const units of [...wide, narrow, ...wide.toReversed()]) network.dense(units, "Relu");
    return network.dense(values, null);
  },
};
