import { DatasetRefusal } from "./dataset-refusal.ts";
import { SPLITS } from "./file/example-columns.ts";
import type { DatasetOptions } from "./types.ts";

const ROUNDING = 1e-6;

/** Options come from a form or an API: numbers are checked for what the code rests on. Throws DatasetRefusal `options_invalid`. */
export function checkOptions(options: DatasetOptions): void {
  const { fractions, seed, toleratedDefects, lengthSamples } = options;
  const faults: (string | false)[] = [
    fractions !== undefined && SPLITS.some((split) => !(fractions[split] >= 0 && fractions[split] <= 1)) && "each share of a split must lie between 0 and 1",
    fractions !== undefined && !(Math.abs(SPLITS.reduce((sum, split) => sum + fractions[split], 0) - 1) < ROUNDING) && "the shares of the splits must sum to 1",
    seed !== undefined && !(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) && "the seed must be a whole number below 2^32",
    toleratedDefects !== undefined && !(toleratedDefects >= 0 && toleratedDefects < 1) && "the tolerated share of defects must lie between 0 and 1",
    lengthSamples !== undefined && !(Number.isInteger(lengthSamples) && lengthSamples >= 1 && lengthSamples <= 10_000_000) && "the length must be a whole number of samples from 1 to 10,000,000",
  ];
  const fault = faults.find((one) => one !== false);
  if (fault) throw new DatasetRefusal("options_invalid", `The options cannot be used: ${fault}.`);
}
