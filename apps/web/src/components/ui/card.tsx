import type { ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";

/** A panel. With a title it is a section that screen readers can jump to. */
export function Card({ title, subtitle, actions, flush = false, className, children }: { title?: ReactNode; subtitle?: ReactNode; actions?: ReactNode; flush?: boolean; className?: string; children: ReactNode }) {
  return (
    <section className={cn("min-w-0 rounded-lg border bg-surface shadow-lift", className)}>
      {title !== undefined && (
        <header className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-b px-4 py-2">
          <h2 className="text-ui font-semibold">{title}</h2>
          {subtitle !== undefined && <div className="text-xs text-muted">{subtitle}</div>}
          {actions !== undefined && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={flush ? "" : "p-4"}>{children}</div>
    </section>
  );
}

/** Names and values in a grid that folds on narrow screens. */
export function Facts({ items, columns = 2, className }: { items: readonly { label: string; value: ReactNode; hint?: string }[]; columns?: 1 | 2 | 3 | 4; className?: string }) {
  const grid = { 1: "", 2: "sm:grid-cols-2", 3: "sm:grid-cols-2 lg:grid-cols-3", 4: "sm:grid-cols-2 lg:grid-cols-4" }[columns];
  return (
    <dl className={cn("grid gap-x-6 gap-y-3", grid, className)}>
      {items.map(({ label, value, hint }) => (
        <div key={label} className="min-w-0" title={hint}>
          <dt className="text-xs text-muted">{label}</dt>
          <dd className="mt-0.5 min-w-0 break-words tabular">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
