import { cn } from "../../lib/class-names.ts";

/** How far something is, 0 to 1; null when that is not known. */
export function Progress({ value, label, tone = "accent", className }: { value: number | null; label: string; tone?: "accent" | "ok" | "bad" | "muted"; className?: string }) {
  const percent = value === null ? null : Math.round(Math.min(1, Math.max(0, value)) * 1000) / 10;
  const color = { accent: "bg-accent", ok: "bg-ok", bad: "bg-bad", muted: "bg-muted" }[tone];
  return (
    <div role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent ?? undefined} className={cn("h-1.5 overflow-hidden rounded-full bg-hover", className)}>
      <div className={cn("h-full rounded-full transition-[width] duration-300", color, percent === null && "indeterminate w-1/4")} style={percent === null ? undefined : { width: `${percent}%` }} />
    </div>
  );
}
