/**
 * The fixed layout of latency histograms, as packages/protocol defines it. Repeated here (and held equal by a test) because
 * importing that package would bring its schema library into every page that draws a heatmap.
 */
export const HISTOGRAM_SLOTS = 393;
const LN_GAMMA = Math.log(1.02 / 0.98);
const FIRST_INDEX = -115;

/** Upper edge of a slot in milliseconds. */
export function slotUpperMs(slot: number): number {
  return Math.exp((slot - 1 + FIRST_INDEX) * LN_GAMMA);
}
