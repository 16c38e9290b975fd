import type { ComponentProps, ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";

/** A dense table in a box that scrolls sideways when it must. `caption` is its name for screen readers. */
export function Table({ caption, className, children }: { caption: string; className?: string; children: ReactNode }) {
  return (
    // A region that scrolls must be reachable by keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="relative overflow-x-auto" role="region" aria-label={caption} tabIndex={0}>
      <table className={cn("w-full border-collapse text-ui", className)}>
        <caption className="sr-only">{caption}</caption>
        {children}
      </table>
    </div>
  );
}

export function Th({ numeric = false, className, ...rest }: ComponentProps<"th"> & { numeric?: boolean }) {
  return <th scope="col" className={cn("h-8 border-b bg-sunken px-3 text-left text-xs font-medium whitespace-nowrap text-muted", numeric && "text-right", className)} {...rest} />;
}

export function Tr({ className, ...rest }: ComponentProps<"tr">) {
  return <tr className={cn("border-b last:border-b-0 hover:bg-hover/60", className)} {...rest} />;
}

export function Td({ numeric = false, className, ...rest }: ComponentProps<"td"> & { numeric?: boolean }) {
  return <td className={cn("h-8 px-3 py-0.5 align-middle", numeric && "text-right tabular", className)} {...rest} />;
}
