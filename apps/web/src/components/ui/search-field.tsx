"use client";
import { Search } from "lucide-react";
import { cn } from "../../lib/class-names.ts";
import { controlClass } from "./field.tsx";

/** Where a list is narrowed by a word. `/` puts the focus here. */
export function SearchField({ value, onChange, label, className }: { value: string; onChange: (text: string) => void; label: string; className?: string }) {
  return (
    <span className={cn("relative block w-full sm:w-72", className)}>
      <Search size={14} aria-hidden className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-muted" />
      <input type="search" aria-label={label} placeholder={label} value={value} onChange={(event) => onChange(event.target.value)} className={cn(controlClass, "h-8 pl-8 max-sm:h-10")} />
    </span>
  );
}
