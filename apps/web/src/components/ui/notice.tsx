import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";

const LOOK = {
  info: { icon: Info, className: "border-busy/30 bg-busy-soft", ink: "text-busy" },
  ok: { icon: CircleCheck, className: "border-ok/30 bg-ok-soft", ink: "text-ok" },
  warn: { icon: TriangleAlert, className: "border-warn/35 bg-warn-soft", ink: "text-warn" },
  bad: { icon: CircleAlert, className: "border-bad/35 bg-bad-soft", ink: "text-bad" },
} as const;

/** A message that stands where it belongs and stays. */
export function Notice({ tone = "info", title, children, action, className }: { tone?: keyof typeof LOOK; title?: ReactNode; children?: ReactNode; action?: ReactNode; className?: string }) {
  const { icon: Icon, className: look, ink } = LOOK[tone];
  return (
    <div className={cn("flex flex-wrap items-start gap-x-2.5 gap-y-2 rounded-lg border px-3 py-2.5", look, className)}>
      <Icon size={15} aria-hidden className={cn("mt-0.5 shrink-0", ink)} />
      <div className="min-w-0 flex-1 basis-48 text-pretty break-words">
        {title !== undefined && <p className="font-medium">{title}</p>}
        {children !== undefined && <div className={title === undefined ? "" : "text-muted"}>{children}</div>}
      </div>
      {action}
    </div>
  );
}

/** What went wrong, read out at once. */
export function ErrorNote({ children, className }: { children: ReactNode; className?: string }) {
  return <div role="alert" className={className}><Notice tone="bad">{children}</Notice></div>;
}
