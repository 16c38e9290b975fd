import type { LayerTiming } from "@flotilla/runtime";
import { isIntegerKernel } from "../fusion/matrix.ts";

/** Where the time of one run goes, in percent of the summed medians of the layers. */
export type KernelTime = {
  /** Kernels that compute on 8-bit integers. */
  readonly integerPercent: number;
  /** Between number formats: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, Cast. */
  readonly conversionPercent: number;
  readonly otherPercent: number;
  readonly totalUs: number;
};

const CONVERSIONS = new Set(["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast"]);

/** Shares of the time of a probe's layers. All 0 without layers. */
export function kernelTime(layers: readonly Pick<LayerTiming, "opType" | "medianUs">[]): KernelTime {
  let [integer, conversion, total] = [0, 0, 0];
  for (const { opType, medianUs } of layers) {
    total += medianUs;
    if (isIntegerKernel(opType)) integer += medianUs;
    else if (CONVERSIONS.has(opType)) conversion += medianUs;
  }
  const percent = (part: number) => (total === 0 ? 0 : (part / total) * 100);
  return { integerPercent: percent(integer), conversionPercent: percent(conversion), otherPercent: percent(total - integer - conversion), totalUs: total };
}
