import { cva, type VariantProps } from "class-variance-authority";
import { CircleCheck, CircleDashed, CircleDot, CircleSlash, OctagonX, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";

const look = cva("inline-flex h-5 max-w-full items-center gap-1 rounded px-1.5 text-2xs font-medium whitespace-nowrap", {
  variants: {
    tone: {
      neutral: "bg-hover text-muted",
      accent: "bg-accent-soft text-accent-text",
      ok: "bg-ok-soft text-ok",
      warn: "bg-warn-soft text-warn",
      bad: "bg-bad-soft text-bad",
      busy: "bg-busy-soft text-busy",
    },
  },
  defaultVariants: { tone: "neutral" },
});

export type BadgeTone = NonNullable<VariantProps<typeof look>["tone"]>;

export function Badge({ tone, className, title, children }: { tone?: BadgeTone; className?: string; title?: string; children: ReactNode }) {
  return <span title={title} className={cn(look({ tone }), className)}>{children}</span>;
}

const SHAPES = { ok: CircleCheck, busy: CircleDot, neutral: CircleDashed, accent: CircleDot, warn: TriangleAlert, bad: OctagonX } as const;

/** A state: shape, word and colour together, never colour alone. */
export function StateWord({ tone, word, ended = false, className }: { tone: BadgeTone; word: string; ended?: boolean; className?: string }) {
  const Icon = ended ? CircleSlash : SHAPES[tone];
  return <Badge tone={tone} className={cn("pl-1", className)}><Icon size={12} strokeWidth={2.25} aria-hidden />{word}</Badge>;
}
