"use client";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { cn } from "../../lib/class-names.ts";
import { isCurrent, navigation, type NavItem } from "./navigation.ts";
import { Wordmark } from "./wordmark.tsx";

/** The left rail of wide screens. */
export function Rail() {
  const path = usePathname();
  return (
    <div className="sticky top-0 flex h-dvh flex-col border-r bg-sunken max-lg:hidden">
      <Link href="/" aria-label="Flotilla, overview" className="flex h-12 items-center px-4"><Wordmark /></Link>
      <nav aria-label="Main" className="flex-1 overflow-y-auto px-2 pb-4">
        {navigation.map((group) => (
          <div key={group.label ?? "top"} className="mt-3 first:mt-1">
            {group.label !== null && <p className="px-2 pb-1 text-2xs font-medium text-muted">{group.label}</p>}
            <ul className="space-y-px">
              {group.items.map((item) => <li key={item.href}><RailLink item={item} current={isCurrent(item, path)} /></li>)}
            </ul>
          </div>
        ))}
      </nav>
    </div>
  );
}

export function RailLink({ item, current, onClick }: { item: NavItem; current: boolean; onClick?: () => void }) {
  const Icon = item.icon;
  return (
    <Link
      href={item.href as "/"} aria-current={current ? "page" : undefined} {...(onClick && { onClick })}
      className={cn("flex h-8 items-center gap-2.5 rounded-md px-2 text-ui transition-colors max-lg:h-11", current ? "bg-raised font-medium text-ink shadow-lift ring-1 ring-line" : "text-muted hover:bg-hover hover:text-ink")}
    >
      <Icon size={15} strokeWidth={current ? 2.25 : 1.9} aria-hidden className={current ? "text-accent-text" : ""} />
      {item.label}
    </Link>
  );
}
