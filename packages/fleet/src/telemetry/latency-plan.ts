import { FleetError } from "@flotilla/protocol";
import { KEPT_MS } from "./roll-up-plan.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, floorTo } from "./window-time.ts";

/** A piece of time and the table that answers for it. */
export type Source = { table: "latency_minute" | "latency_hour" | "latency_day"; fromMs: number; toMs: number };

export type LatencyPlan = { stepMs: number; fromMs: number; toMs: number; sources: Source[] };

const STEPS_MS = [MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS];
const WANTED_POINTS = 300;
const MAX_POINTS = 2_000;

/**
 * Which rows answer a question about [from, to): steps below an hour come from minutes, which are kept 48 hours (a step is
 * raised to an hour when the range begins earlier); longer steps from hours as far as these are complete and from minutes
 * after that, and from days before hours were kept. The range is widened to whole steps.
 */
export function planLatency(query: { fromMs: number; toMs: number; stepMs: number | null }, rolledThroughMs: number, nowMs: number): LatencyPlan {
  if (!(query.fromMs < query.toMs)) throw new FleetError("bad_request", { public: "from must be before to." });
  const oldestMinuteMs = floorTo(nowMs - KEPT_MS.minute, HOUR_MS) + HOUR_MS;
  const oldestHourMs = floorTo(nowMs - KEPT_MS.hour, DAY_MS) + DAY_MS;
  const least = query.fromMs >= oldestMinuteMs ? MINUTE_MS : query.fromMs >= oldestHourMs ? HOUR_MS : DAY_MS;
  const wanted = query.stepMs ?? STEPS_MS.find((step) => (query.toMs - query.fromMs) / step <= WANTED_POINTS) ?? 14 * DAY_MS;
  const stepMs = wholeStep(Math.max(wanted, least));
  if ((query.toMs - query.fromMs) / stepMs > MAX_POINTS) throw new FleetError("bad_request", { public: `That would be more than ${MAX_POINTS} points; ask for a longer step.` });
  const fromMs = floorTo(query.fromMs, stepMs);
  const toMs = floorTo(query.toMs - 1, stepMs) + stepMs;
  return { stepMs, fromMs, toMs, sources: sourcesOf({ fromMs, toMs, stepMs }, rolledThroughMs, oldestHourMs) };
}

/** Below an hour whole minutes, below a day whole hours, else whole days: only these add up from the rows there are. */
function wholeStep(stepMs: number): number {
  const unit = stepMs >= DAY_MS ? DAY_MS : stepMs >= HOUR_MS ? HOUR_MS : MINUTE_MS;
  return Math.max(unit, Math.ceil(stepMs / unit) * unit);
}

function sourcesOf({ fromMs, toMs, stepMs }: { fromMs: number; toMs: number; stepMs: number }, rolledThroughMs: number, oldestHourMs: number): Source[] {
  if (stepMs < HOUR_MS) return [{ table: "latency_minute", fromMs, toMs }];
  const daysToMs = Math.min(Math.max(fromMs, oldestHourMs), toMs);
  const hoursToMs = Math.min(Math.max(daysToMs, rolledThroughMs), toMs);
  const sources: Source[] = [
    { table: "latency_day", fromMs, toMs: daysToMs },
    { table: "latency_hour", fromMs: daysToMs, toMs: hoursToMs },
    { table: "latency_minute", fromMs: hoursToMs, toMs },
  ];
  return sources.filter((source) => source.fromMs < source.toMs);
}
