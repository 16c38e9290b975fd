import type { ChartLine } from "../../components/charts/line-options.ts";
import { formatCompact, formatCount, formatDuration } from "../../lib/format.ts";
import { curveFinding, formatAccuracyTick, formatLoss } from "./curve-reading.ts";
import type { CurveScale } from "./curve-options.ts";
import { align, positions, smoothed, type MetricColumns, type XAxis } from "./metric-columns.ts";

/** One run as its curves need it. `label` is null where there is only one. */
export type CurveRun = { id: string; label: string | null; columns: MetricColumns; stepsPerEpoch: number | null; startMs: number };

export type CurveLook = { axis: XAxis; log: boolean; smooth: boolean };

/** One chart: a quantity (loss, accuracy, learning rate …) of all runs, on training and validation examples where there are both. */
export type CurveGroup = {
  quantity: string; title: string; finding: string; scale: CurveScale; xs: number[]; lines: ChartLine[]; format: (value: number | null) => string;
  /** Worth a large chart: what one looks at first. */
  main: boolean;
};

const SIDES = ["train", "validation"] as const;
type Side = (typeof SIDES)[number];

/** Runs beside each other keep their colour whatever else is shown. */
const COLOURS = 8;

/** The charts of runs, what people look at first before the rest. */
export function curveGroups(runs: readonly CurveRun[], look: CurveLook): CurveGroup[] {
  const quantities = [...new Set(runs.flatMap((run) => [...run.columns.keys()].filter((name) => (run.columns.get(name)?.steps.length ?? 0) > 0).map(quantityOf)))];
  return [...new Set(["loss", ...quantities])].toSorted((a, b) => rank(a) - rank(b) || a.localeCompare(b)).map((quantity) => groupOf(quantity, runs, look));
}

function quantityOf(name: string): string {
  const side = SIDES.find((candidate) => name.startsWith(`${candidate} `));
  return side === undefined ? name : name.slice(side.length + 1);
}

const ORDER = ["loss", "accuracy"];
const LAST = ["learning rate", "gradient norm", "examples/s"];
function rank(quantity: string): number {
  const first = ORDER.indexOf(quantity);
  const last = LAST.indexOf(quantity);
  return first >= 0 ? first : last >= 0 ? 100 + last : 50;
}

function groupOf(quantity: string, runs: readonly CurveRun[], look: CurveLook): CurveGroup {
  const raw = runs.flatMap((run, place) => sidesOf(run, quantity).flatMap(({ name, side }) => linesOf(run, place, name, side, runs.length > 1, look)));
  const { xs, columns } = align(raw);
  const isShare = quantity === "accuracy" || quantity.endsWith(" accuracy");
  return {
    quantity, title: quantity.slice(0, 1).toUpperCase() + quantity.slice(1), finding: findingOf(quantity, runs, look),
    scale: isShare ? "share" : look.log && quantity !== "examples/s" ? "log" : "zero", xs, format: formatOf(quantity), main: rank(quantity) < 100,
    lines: raw.map(({ line }, place) => ({ ...line, values: columns[place] ?? [] })),
  };
}

function sidesOf(run: CurveRun, quantity: string): { name: string; side: Side | null }[] {
  const names = [...SIDES.map((side) => ({ name: `${side} ${quantity}`, side })), { name: quantity, side: null }];
  return names.filter(({ name }) => (run.columns.get(name)?.steps.length ?? 0) > 0);
}

type RawLine = { line: Omit<ChartLine, "values">; xs: readonly number[]; values: readonly number[] };

function linesOf(run: CurveRun, place: number, name: string, side: Side | null, many: boolean, { axis, smooth }: CurveLook): RawLine[] {
  const column = run.columns.get(name);
  if (column === undefined) return [];
  const label = many ? [run.label ?? run.id, side].filter((part) => part !== null).join(", ") : (side ?? name);
  const xs = positions(column, axis, run);
  const line: RawLine["line"] = {
    key: `${run.id} ${name}`, label, color: `--chart-${many ? (place % COLOURS) + 1 : side === "validation" ? 2 : 1}`,
    ...(many && side === "train" && { dash: [4, 3], width: 1.25 }),
  };
  // Raw values stay in view beside what was made of them.
  if (!smooth || (side !== "train" && name !== "gradient norm") || column.values.length < 20) return [{ line, xs, values: column.values }];
  return [{ line: { ...line, faint: true }, xs, values: column.values }, { line: { ...line, key: `${line.key} smoothed`, label: `${label}, smoothed` }, xs, values: smoothed(column.values) }];
}

function findingOf(quantity: string, runs: readonly CurveRun[], { axis }: CurveLook): string {
  const best = quantity === "loss" ? "lowest" : quantity === "accuracy" ? "highest" : null;
  const told = runs.flatMap((run) => {
    const sides = sidesOf(run, quantity);
    const chosen = sides.find(({ side }) => side === "validation") ?? sides[0];
    const column = chosen === undefined ? undefined : run.columns.get(chosen.name);
    if (chosen === undefined || column === undefined) return [];
    return [curveFinding({ name: chosen.name, of: run.label, xs: positions(column, axis, run), values: column.values, best, format: formatOf(quantity), nameX: nameX(axisOf(run, axis)) })];
  });
  return told.length === 0 ? "No value yet." : told.join(" ");
}

/** The axis that a run can have: epochs need their length. */
export function axisOf(run: Pick<CurveRun, "stepsPerEpoch">, axis: XAxis): XAxis {
  return axis === "epoch" && run.stepsPerEpoch === null ? "step" : axis;
}

function formatOf(quantity: string): (value: number | null) => string {
  if (quantity === "accuracy" || quantity.endsWith(" accuracy")) return formatAccuracyTick;
  return quantity === "examples/s" ? formatSpeed : formatLoss;
}

function formatSpeed(value: number | null): string {
  return value === null ? "–" : formatCount(Math.round(value));
}

const X_NAMES: Record<XAxis, (x: number) => string> = {
  step: (x) => `step ${formatCount(x)}`,
  epoch: (x) => `epoch ${Number(x.toFixed(2))}`,
  time: (x) => `after ${formatDuration(x * 1000)}`,
};
const X_TICKS: Record<XAxis, (x: number) => string> = { step: formatCompact, epoch: (x) => String(Number(x.toFixed(2))), time: (x) => formatDuration(x * 1000) };

/** A position in words: "epoch 2.5". */
export function nameX(axis: XAxis): (x: number) => string {
  return X_NAMES[axis];
}

/** A position on the axis: "2.5". */
export function tickX(axis: XAxis): (x: number) => string {
  return X_TICKS[axis];
}
