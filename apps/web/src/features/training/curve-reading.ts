import type { ChartTableRow } from "../../components/charts/chart-frame.tsx";
import type { ChartLine } from "../../components/charts/line-options.ts";
import { formatPercent, NO_VALUE } from "../../lib/format.ts";

/** Rows of the table beside a chart: of a long run only as many, evenly taken. */
const ROWS_MAX = 200;

/** The line's newest value at or before a place of the common axis; null before its first. */
export function valueUpTo(values: readonly (number | null)[], index: number): number | null {
  for (let place = index; place >= 0; place -= 1) {
    const value = values[place];
    if (value != null) return value;
  }
  return null;
}

/** The chart as a table, newest first. Places where only some lines have a value show the others empty. */
export function tableRows({ xs, lines, format, nameX }: { xs: readonly number[]; lines: readonly ChartLine[]; format: (value: number | null) => string; nameX: (x: number) => string }): ChartTableRow[] {
  const places = xs.map((_, place) => place);
  // What is written seldom (validation) is never thinned away.
  const rare = new Set(lines.filter((line) => countOf(line) <= ROWS_MAX).flatMap((line) => places.filter((place) => line.values[place] != null)));
  const stride = Math.max(1, Math.ceil(places.length / ROWS_MAX));
  return places.filter((place) => place % stride === 0 || rare.has(place) || place === places.length - 1).map((place) => {
    const x = xs[place] ?? 0;
    return { key: String(x), cells: [nameX(x), ...lines.map((line) => (line.values[place] == null ? "" : format(line.values[place] ?? null)))] };
  }).reverse();
}

function countOf(line: ChartLine): number {
  return line.values.reduce<number>((count, value) => count + (value === null ? 0 : 1), 0);
}

/** "validation loss is 0.0812 at epoch 4; lowest 0.0798 at epoch 3." Read out as the chart's name and printed under it. */
export function curveFinding({ name, of, xs, values, best, format, nameX }: {
  name: string; /** Which run, where there are several. */ of: string | null; xs: readonly number[]; values: readonly number[]; best: "lowest" | "highest" | null; format: (value: number | null) => string; nameX: (x: number) => string;
}): string {
  const last = values.at(-1);
  const subject = of === null ? name.slice(0, 1).toUpperCase() + name.slice(1) : `${of}: ${name}`;
  if (last === undefined) return `${subject}: no value yet.`;
  const head = `${subject} is ${format(last)} at ${nameX(xs.at(-1) ?? 0)}`;
  if (best === null || values.length < 2) return `${head}.`;
  const extreme = values.reduce((found, value, place) => (best === "lowest" ? value < (values[found] ?? value) : value > (values[found] ?? value)) ? place : found, 0);
  if (extreme === values.length - 1) return `${head}, the ${best} so far.`;
  return `${head}; ${best} ${format(values[extreme] ?? null)} at ${nameX(xs[extreme] ?? 0)}.`;
}

/** A loss, rate or norm with four significant digits: 0.08123 → "0.08123", 0.00001 → "1e-5". */
export function formatLoss(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return NO_VALUE;
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(2).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(4)));
}

/** The best value of a run as its metric is written: "validation accuracy 98 %". */
export function bestWords({ metric, value }: { metric: string; value: number }): string {
  return `${metric} ${formatBest({ metric, value })}`;
}

export function formatBest({ metric, value }: { metric: string; value: number }): string {
  return metric.endsWith("accuracy") ? formatAccuracyTick(value) : formatLoss(value);
}

/** A share of 1 with two digits more than a percent, as accuracies are compared: 0.98765 → "98.77 %"; round ones short, for axes. */
export function formatAccuracyTick(value: number | null): string {
  if (value === null) return NO_VALUE;
  const percent = Number((value * 100).toFixed(2));
  return Number.isInteger(percent) ? formatPercent(percent) : `${percent.toFixed(Number.isInteger(percent * 10) ? 1 : 2)} %`;
}
