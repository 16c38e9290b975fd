"use client";
import type { Route } from "next";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { cn } from "../../lib/class-names.ts";

const PLACES = [
  { href: "/settings/people", label: "People" },
  { href: "/settings/api-keys", label: "API keys" },
  { href: "/settings/enrollment", label: "Enrolment" },
];

/** The parts of the settings. */
export function SettingsNav() {
  const path = usePathname();
  return (
    <nav aria-label="Settings" className="mb-4 flex gap-1 overflow-x-auto border-b">
      {PLACES.map((place) => {
        const current = path === place.href;
        return <Link key={place.href} href={place.href as Route} aria-current={current ? "page" : undefined} className={cn("-mb-px flex h-9 shrink-0 items-center border-b-2 px-3 max-sm:h-11", current ? "border-accent-text font-medium" : "border-transparent text-muted hover:text-ink")}>{place.label}</Link>;
      })}
    </nav>
  );
}
