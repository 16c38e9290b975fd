import type { Machine, MeasurementMode, Share } from "@flotilla/fleet";
import type { ReactNode } from "react";
import { formatCount, NO_VALUE } from "../../lib/format.ts";

/** A share in percent with one digit more than people need, because half a point is what is looked for: 0.98123 → "98.12 %". */
export function formatAccuracy(value: number | null): string {
  return value === null ? NO_VALUE : `${(value * 100).toFixed(2)} %`;
}

/** A difference of shares in points: -0.005 → "−0.50 pp". */
export function formatPoints(value: number): string {
  const points = Math.abs(value * 100).toFixed(2);
  return `${Number(points) === 0 ? "±" : value < 0 ? "−" : "+"}${points} pp`;
}

/** A ratio as people say it: 0.25 → "0.25 ×". */
export function formatRatio(ratio: number | null): string {
  return ratio === null ? NO_VALUE : `${Number(ratio.toPrecision(3))} ×`;
}

/** "97.81 to 98.44 %". */
export function formatInterval([low, high]: readonly [number, number]): string {
  return `${(low * 100).toFixed(2)} to ${(high * 100).toFixed(2)} %`;
}

/** "−0.81 to +0.12 pp". */
export function formatPointInterval([low, high]: readonly [number, number]): string {
  return `${formatPoints(low).replace(" pp", "")} to ${formatPoints(high)}`;
}

export function shareNote(share: Share): string {
  return `95 % between ${formatInterval(share.ci95)}, n = ${formatCount(share.n)}; ${share.method}`;
}

export const modeWords: Record<MeasurementMode, string> = { back_to_back: "back to back", scheduled: "as scheduled", interleaved: "in turns" };

/** What a method says beside its mode: some begin with its words. */
export function methodBesideMode(mode: MeasurementMode, method: string): string {
  return method.startsWith(modeWords[mode]) ? method.slice(modeWords[mode].length).replace(/^,? +/, "") : method;
}

export function machineWords(machine: Machine): string {
  return `${machine.cpu}, ${machine.isa.length === 0 ? machine.arch : machine.isa.join(" ")}, ONNX Runtime ${machine.ortVersion}, ${machine.threads === 1 ? "1 thread" : `${machine.threads} threads`}`;
}

/** A number with how it was come by below it: no number stands alone. */
export function Measured({ label, value, how }: { label: ReactNode; value: ReactNode; how: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-muted">{label}</dt>
      <dd><span className="block text-base leading-6 font-semibold tabular">{value}</span><span className="block text-xs text-pretty text-muted">{how}</span></dd>
    </div>
  );
}
