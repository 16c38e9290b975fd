import { formatAccuracyTick, formatLoss } from "./curve-reading.ts";
import type { MetricColumns } from "./metric-columns.ts";

/** The newest value of each metric, while the run goes on and after it. */
export function RunTiles({ columns }: { columns: MetricColumns }) {
  const tiles = NAMES.flatMap(({ name, label, format }) => {
    const value = columns.get(name)?.values.at(-1);
    return value === undefined ? [] : [{ label, value: format(value) }];
  });
  if (tiles.length === 0) return null;
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border bg-line shadow-lift sm:grid-cols-3 2xl:grid-cols-6">
      {tiles.map((tile) => (
        <div key={tile.label} className="bg-surface p-3">
          <dt className="text-xs text-muted">{tile.label}</dt>
          <dd className="mt-0.5 text-base leading-6 font-semibold tabular">{tile.value}</dd>
        </div>
      ))}
    </dl>
  );
}

const NAMES: readonly { name: string; label: string; format: (value: number) => string }[] = [
  { name: "train loss", label: "Loss", format: formatLoss },
  { name: "validation loss", label: "Validation loss", format: formatLoss },
  { name: "validation accuracy", label: "Validation accuracy", format: formatAccuracyTick },
  { name: "learning rate", label: "Learning rate", format: formatLoss },
  { name: "gradient norm", label: "Gradient norm", format: formatLoss },
  { name: "examples/s", label: "Examples per second", format: (value) => Math.round(value).toLocaleString("en-GB") },
];
