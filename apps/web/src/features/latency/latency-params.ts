import { parseAsInteger, parseAsString, parseAsStringLiteral } from "nuqs";
import type { LatencyGroupBy } from "@flotilla/fleet";
import { percentiles } from "./series-view.ts";
import { relativeRangeKeys } from "./time-range.ts";

export const groupByKeys = ["none", "build", "class", "fleet", "device", "version"] as const satisfies readonly LatencyGroupBy[];

/** Everything the page shows is in the URL, so that it can be sent to a colleague. */
export const latencyParams = {
  range: parseAsStringLiteral(relativeRangeKeys).withDefault("1h"),
  /** Fixed ends in ms: set by zoom or by hand. */
  from: parseAsInteger,
  to: parseAsInteger,
  groupBy: parseAsStringLiteral(groupByKeys).withDefault("none"),
  /** The percentile shown when lines are split. */
  p: parseAsStringLiteral(percentiles).withDefault("p95"),
  scale: parseAsStringLiteral(["linear", "log"] as const).withDefault("linear"),
  fleet: parseAsString, model: parseAsString, build: parseAsString, class: parseAsString, device: parseAsString,
  /** The build compared with `build` in the same hours. */
  compare: parseAsString,
};

export type LatencyFilters = { fleet: string | null; model: string | null; build: string | null; class: string | null; device: string | null };

/** Query string of GET /api/v1/latency. */
export function latencySearch(input: { filters: LatencyFilters; fromMs: number; toMs: number; stepSeconds: number; groupBy: LatencyGroupBy }): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(input.filters)) if (value !== null && value !== "") search.set(name, value);
  search.set("from", new Date(input.fromMs).toISOString());
  search.set("to", new Date(input.toMs).toISOString());
  search.set("step", String(input.stepSeconds));
  search.set("groupBy", input.groupBy);
  return search.toString();
}
