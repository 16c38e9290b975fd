"use client";
import type { RolloutView } from "@flotilla/fleet";
import { Radio } from "lucide-react";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatMs, formatPercent } from "../../lib/format.ts";
import { ifNothingIsDone, spreading } from "./blast-radius.ts";
import { ToneWord } from "./tone-word.tsx";
import { rolloutWords } from "./words.ts";

/** The sentence on top of the page: state, cause, since when, and whether it is still spreading. Read out once per change. */
export function Verdict({ rollout }: { rollout: RolloutView }) {
  const { word, tone } = rolloutWords[rollout.state];
  const spread = spreading(rollout);
  const since = rollout.cause?.at ?? rollout.finishedAt ?? rollout.startedAt ?? rollout.createdAt;
  return (
    <section aria-label="Verdict" className={`rounded-lg border-l-4 bg-sunken px-4 py-3 ${EDGE[tone]}`}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-ui">
        <span className="text-base"><ToneWord tone={tone} size={18} strong>{word}</ToneWord></span>
        <TimeAgo at={since} className="text-muted" />
        <span className={`inline-flex items-center gap-1.5 ${spread.spreads ? "font-semibold" : "text-muted"}`}>
          <Radio size={13} aria-hidden />{spread.sentence}
        </span>
      </div>
      <p className="mt-1 text-[15px] leading-snug text-pretty">{rollout.verdict}</p>
      {rollout.cause !== null && <CauseNumbers cause={rollout.cause} />}
      <p className="mt-2 border-t border-line-strong/60 pt-2 text-ui text-pretty"><span className="text-muted">If nobody does anything:</span> {ifNothingIsDone(rollout)}</p>
      <p aria-live="polite" role="status" className="sr-only">{rollout.verdict}</p>
    </section>
  );
}

const EDGE = {
  ok: "border-(--state-ok)", busy: "border-(--state-busy)", proving: "border-(--state-proving)", wait: "border-line-strong",
  warn: "border-(--state-warn)", bad: "border-(--state-bad)", none: "border-line-strong",
} as const;

/** The evidence of the cause: value against limit, on how many samples, by whom, and the reason a person gave. */
function CauseNumbers({ cause }: { cause: NonNullable<RolloutView["cause"]> }) {
  const facts: [string, string][] = [];
  if (cause.value !== undefined) facts.push(["Value", withUnit(cause.value, cause.unit)]);
  if (cause.limit !== undefined) facts.push(["Limit", withUnit(cause.limit, cause.unit)]);
  if (cause.sampleCount !== undefined) facts.push(["Judged on", String(cause.sampleCount)]);
  if (cause.wave !== undefined) facts.push(["Wave", String(cause.wave + 1)]);
  facts.push(["By", cause.actor]);
  if (cause.reason !== undefined && cause.reason !== "") facts.push(["Reason", cause.reason]);
  return (
    <dl className="mt-2 flex flex-wrap gap-x-5 gap-y-1 text-xs tabular-nums">
      {facts.map(([name, value]) => (
        <div key={name} className="flex min-w-0 gap-1.5"><dt className="text-muted">{name}</dt><dd className="min-w-0 break-words">{value}</dd></div>
      ))}
    </dl>
  );
}

function withUnit(value: number, unit: string | undefined): string {
  if (unit === "%" || unit === "percent") return formatPercent(value);
  if (unit === "ms") return formatMs(value);
  return unit === undefined ? String(value) : `${value} ${unit}`;
}
