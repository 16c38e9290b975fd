"use client";
import { Maximize2 } from "lucide-react";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Select } from "../../components/ui/field.tsx";
import { CurveChart } from "./curve-chart.tsx";
import { curveGroups, nameX, tickX, type CurveGroup, type CurveRun } from "./curve-groups.ts";
import type { Zoom } from "./curve-options.ts";
import { curveParams } from "./curve-params.ts";
import type { XAxis } from "./metric-columns.ts";

const AXES: Record<XAxis, string> = { epoch: "Epoch", step: "Step", time: "Time" };

/** Every metric of one run, or of several over each other, on one common axis that the reader chooses. */
export function TrainingCurves({ runs, empty }: { runs: readonly CurveRun[]; empty: { title: string; hint: string } }) {
  const [params, setParams] = useQueryStates(curveParams);
  const hasEpochs = runs.every((run) => run.stepsPerEpoch !== null);
  const axis = params.x === "epoch" && !hasEpochs ? "step" : params.x;
  const log = params.scale === "log";
  const groups = useMemo(() => curveGroups(runs, { axis, log, smooth: params.smooth }), [runs, axis, log, params.smooth]);
  const zoom = params.from !== null && params.to !== null && params.to > params.from ? { from: params.from, to: params.to } : null;
  const setZoom = (next: Zoom | null): void => void setParams({ from: next === null ? null : rounded(next.from), to: next === null ? null : rounded(next.to) });
  useShortcuts("Curves", [
    { keys: "y", label: log ? "Linear scale" : "Logarithmic scale", run: () => void setParams({ scale: log ? null : "log" }) },
    ...(zoom === null ? [] : [{ keys: "z", label: "Show the whole run", run: () => setZoom(null) }]),
  ]);
  const chart = (group: CurveGroup, height: number) => (
    <CurveChart key={group.quantity} {...group} height={height} xLabel={AXES[axis]} formatX={tickX(axis)} nameX={nameX(axis)} syncKey="training" zoom={zoom} onZoom={setZoom} empty={empty} />
  );
  return (
    <Card
      title="Curves"
      actions={
        <>
          {zoom !== null && <Button size="sm" onClick={() => setZoom(null)}><Maximize2 size={13} aria-hidden />Whole run</Button>}
          <Select aria-label="Horizontal axis" className="w-28" value={axis} onChange={(event) => void setParams({ x: event.target.value as XAxis, from: null, to: null })}>
            {(Object.keys(AXES) as XAxis[]).filter((name) => name !== "epoch" || hasEpochs).map((name) => <option key={name} value={name}>{AXES[name]}</option>)}
          </Select>
          <Button size="sm" kind={log ? "secondary" : "quiet"} aria-pressed={log} onClick={() => void setParams({ scale: log ? null : "log" })}>Log scale</Button>
          <Button size="sm" kind={params.smooth ? "secondary" : "quiet"} aria-pressed={params.smooth} onClick={() => void setParams({ smooth: params.smooth ? null : true })}>Smooth</Button>
        </>
      }
    >
      <div className="grid grid-cols-[minmax(0,1fr)] gap-6">
        <div className="grid grid-cols-[minmax(0,1fr)] gap-6 2xl:grid-cols-[repeat(2,minmax(0,1fr))]">{groups.filter(({ main }) => main).map((group) => chart(group, 250))}</div>
        {groups.some(({ main }) => !main) && <div className="grid grid-cols-[minmax(0,1fr)] gap-6 border-t pt-4 lg:grid-cols-[repeat(3,minmax(0,1fr))]">{groups.filter(({ main }) => !main).map((group) => chart(group, 150))}</div>}
      </div>
    </Card>
  );
}

/** More digits than a pixel has would only make the address long. */
function rounded(x: number): number {
  return Number(x.toPrecision(6));
}
