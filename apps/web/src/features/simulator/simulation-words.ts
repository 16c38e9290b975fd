import type { SimulationFaults, SimulationStateView, SimulationView } from "@flotilla/fleet";
import { formatCount } from "../../lib/format.ts";
import type { Tone } from "../rollouts/words.ts";

/** A state as people read it. */
export const stateWords: Record<SimulationStateView, { word: string; tone: Tone }> = {
  waiting: { word: "Waiting", tone: "wait" },
  starting: { word: "Starting", tone: "busy" },
  running: { word: "Running", tone: "ok" },
  stopping: { word: "Stopping", tone: "busy" },
  stopped: { word: "Stopped", tone: "none" },
  failed: { word: "Failed", tone: "bad" },
  lost: { word: "Not heard of", tone: "warn" },
};

/** What a state means where the word alone would leave a question; null where it does not. */
export function stateSentence(simulation: Pick<SimulationView, "state" | "problem" | "wanted">): string | null {
  if (simulation.state === "failed") return simulation.problem ?? "The simulator did not say why.";
  if (simulation.state === "lost") return "Its simulator process has gone quiet. Another one takes it over; if none is there, start one.";
  if (simulation.state === "waiting") return "Waits for a simulator process to take it.";
  return null;
}

/** Whether it belongs to what runs, or is past. */
export function isUnderWay({ wanted, state }: Pick<SimulationView, "wanted" | "state">): boolean {
  return wanted === "running" || state === "stopping";
}

/** The injected faults, one short phrase each; none is an empty list. */
export function faultPhrases(faults: SimulationFaults): string[] {
  const { outage, lossPercent, slowFactor, crashEverySeconds, silentPercent, badClass } = faults;
  return [
    ...(outage === true ? ["no network"] : []),
    ...(lossPercent ? [`${lossPercent} % of requests lost`] : []),
    ...(slowFactor !== undefined && slowFactor !== 1 ? [`inferences ${slowFactor} × as long`] : []),
    ...(crashEverySeconds ? [`power cut every ${formatCount(crashEverySeconds)} s`] : []),
    ...(silentPercent ? [`${silentPercent} % silent`] : []),
    ...(badClass ? [`new builds crash on ${badClass}`] : []),
  ];
}

/** The kinds of errors, most frequent first. */
export function topErrors(errors: Readonly<Record<string, number>>, most = 3): { kind: string; times: number }[] {
  return Object.entries(errors).map(([kind, times]) => ({ kind: kind.replace(" (simulated)", ""), times })).toSorted((a, b) => b.times - a.times).slice(0, most);
}
