import { ChevronRight } from "lucide-react";
import Link from "next/link";
import type { ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";
import { EarlyInput } from "./early-input.tsx";

export type Crumb = { label: string; href: string };

/** The frame of a page: where it is, its one h1, what can be done. `wide` leaves the reading width to tables. */
export function Page({ title, crumbs = [], subtitle, actions, wide = false, children }: { title: ReactNode; crumbs?: readonly Crumb[]; subtitle?: ReactNode; actions?: ReactNode; wide?: boolean; children: ReactNode }) {
  return (
    <div className={cn("mx-auto w-full px-4 py-5 sm:px-6", wide ? "max-w-[1680px]" : "max-w-6xl")}>
      {crumbs.length > 0 && (
        <nav aria-label="Breadcrumb" className="mb-1">
          <ol className="flex flex-wrap items-center gap-1 text-xs text-muted">
            {crumbs.map((crumb, index) => (
              <li key={crumb.href} className="flex min-w-0 items-center gap-1">
                {index > 0 && <ChevronRight size={12} aria-hidden />}
                <Link href={crumb.href as "/"} className="max-w-60 truncate hover:text-ink hover:underline">{crumb.label}</Link>
              </li>
            ))}
          </ol>
        </nav>
      )}
      <header className="mb-4 flex flex-wrap items-start gap-x-4 gap-y-3">
        <div className="min-w-0 flex-1 basis-64">
          <h1 className="text-lg leading-7 font-semibold tracking-tight break-words">{title}</h1>
          {subtitle !== undefined && <div className="mt-0.5 text-pretty text-muted">{subtitle}</div>}
        </div>
        {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
      <EarlyInput />
    </div>
  );
}
