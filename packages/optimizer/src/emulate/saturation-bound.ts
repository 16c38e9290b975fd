import type { Filters } from "./dot-layer.ts";

/** The largest uint8 activation. */
const ACTIVATION_MAX = 255;
const INT16_MIN = -32_768;
const INT16_MAX = 32_767;

/**
 * Whether some pair of neighbouring weights can, with activations from 0 to 255, give a sum of two products outside int16. Exactly:
 * when it says no, no input can. Weights of seven bits (−64 … 64) never can.
 */
export function canSaturate({ values }: Pick<Filters, "values">): boolean {
  for (let k = 0; k + 1 < values.length; k += 2) {
    const first = values[k] ?? 0;
    const second = values[k + 1] ?? 0;
    if (ACTIVATION_MAX * (Math.max(first, 0) + Math.max(second, 0)) > INT16_MAX) return true;
    if (ACTIVATION_MAX * (Math.min(first, 0) + Math.min(second, 0)) < INT16_MIN) return true;
  }
  return false;
}
