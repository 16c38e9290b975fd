import type { ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";

/** Nothing there yet, or nothing that matches: says which of the two, and offers the next step. */
export function EmptyState({ icon, title, isPage = false, children, action, className }: { icon?: ReactNode; title: string; /** It is all there is on the page: the title is its heading. */ isPage?: boolean; children?: ReactNode; action?: ReactNode; className?: string }) {
  const Title = isPage ? "h1" : "p";
  return (
    <div className={cn("mx-auto flex max-w-md flex-col items-center px-6 py-14 text-center", className)}>
      {icon !== undefined && <div aria-hidden className="mb-3 grid size-10 place-items-center rounded-lg border bg-raised text-muted shadow-lift">{icon}</div>}
      <Title className="text-sm font-semibold">{title}</Title>
      {children !== undefined && <div className="mt-1 text-pretty text-muted">{children}</div>}
      {action !== undefined && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}
