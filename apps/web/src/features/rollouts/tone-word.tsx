import { CircleCheck, CircleDashed, CircleDot, CirclePause, Hourglass, OctagonX } from "lucide-react";
import type { Tone } from "./words.ts";

const LOOK: Record<Tone, { icon: typeof CircleCheck; color: string }> = {
  ok: { icon: CircleCheck, color: "text-(--state-ok)" },
  busy: { icon: CircleDot, color: "text-(--state-busy)" },
  proving: { icon: Hourglass, color: "text-(--state-proving)" },
  wait: { icon: CircleDashed, color: "text-muted" },
  warn: { icon: CirclePause, color: "text-(--state-warn)" },
  bad: { icon: OctagonX, color: "text-bad" },
  none: { icon: CircleDashed, color: "text-muted" },
};

/** A state in shape, word and colour: never by colour alone. */
export function ToneWord({ tone, children, size = 14, strong = false }: { tone: Tone; children: string; size?: number; strong?: boolean }) {
  const { icon: Icon, color } = LOOK[tone];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${strong ? "font-semibold" : ""}`}>
      <Icon size={size} aria-hidden className={`shrink-0 ${color}`} />
      {children}
    </span>
  );
}

/** Marks what does not come from real hardware. */
export function SimulatedMark({ compact = false }: { compact?: boolean }) {
  return (
    <span title="Simulated device: its numbers are computed, not measured on hardware" className="inline-flex items-center gap-1 rounded border border-dashed border-line-strong px-1 text-[11px] leading-4 text-muted">
      {compact ? "sim" : "simulated"}{compact && <span className="sr-only">ulated</span>}
    </span>
  );
}
