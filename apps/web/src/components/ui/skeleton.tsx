import { cn } from "../../lib/class-names.ts";

/** The shape of what is coming; invisible for the first 300 ms. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn("skeleton h-4", className)} />;
}

/** A table that is coming: `rows` of 32 px. */
export function TableSkeleton({ rows = 8, columns = 5 }: { rows?: number; columns?: number }) {
  return (
    <div role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex h-8 items-center gap-6 border-b px-3 last:border-b-0">
          {Array.from({ length: columns }, (_, column) => (
            <Skeleton key={column} className={cn("h-3", column === 0 ? "w-40 shrink-0" : "flex-1", column > 2 && "max-sm:hidden")} />
          ))}
        </div>
      ))}
    </div>
  );
}
