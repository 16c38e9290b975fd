"use client";
import { Menu as Base } from "@base-ui/react/menu";
import Link from "next/link";
import type { ReactElement, ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";

const itemClass = "flex h-8 w-full cursor-default items-center gap-2 rounded px-2 text-ui outline-none select-none data-disabled:opacity-50 data-highlighted:bg-hover max-sm:h-10";

export type MenuEntry =
  | { kind: "action"; label: ReactNode; icon?: ReactNode; onClick: () => void; danger?: boolean; disabled?: boolean }
  | { kind: "link"; label: ReactNode; icon?: ReactNode; href: string }
  | { kind: "choice"; label: string; value: string; options: readonly { value: string; label: string; icon?: ReactNode }[]; onChange: (value: string) => void }
  | { kind: "text"; label: ReactNode }
  | { kind: "line" };

/** A menu behind a button. */
export function Menu({ trigger, entries, align = "end" }: { trigger: ReactElement; entries: readonly MenuEntry[]; align?: "start" | "end" }) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} align={align} className="z-50 outline-none">
          <Base.Popup className="min-w-48 origin-(--transform-origin) rounded-lg border bg-raised p-1 text-ink shadow-float outline-none popup-motion">
            {entries.map((entry, index) => <Entry key={index} entry={entry} />)}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

function Entry({ entry }: { entry: MenuEntry }) {
  switch (entry.kind) {
    case "line":
      return <Base.Separator className="my-1 h-px bg-line" />;
    case "text":
      return <div className="px-2 py-1.5 text-xs text-muted">{entry.label}</div>;
    case "link":
      return <Base.Item className={itemClass} nativeButton={false} render={<Link href={entry.href as "/"} />}>{entry.icon}{entry.label}</Base.Item>;
    case "choice":
      return (
        <Base.RadioGroup value={entry.value} onValueChange={(value) => entry.onChange(String(value))} aria-label={entry.label}>
          <div className="px-2 pt-1.5 pb-1 text-xs text-muted">{entry.label}</div>
          {entry.options.map((option) => (
            <Base.RadioItem key={option.value} value={option.value} className={itemClass} closeOnClick={false}>
              {option.icon}{option.label}
              <Base.RadioItemIndicator className="ml-auto size-1.5 rounded-full bg-accent-text" />
            </Base.RadioItem>
          ))}
        </Base.RadioGroup>
      );
    case "action":
      return <Base.Item className={cn(itemClass, entry.danger === true && "text-bad")} disabled={entry.disabled ?? false} onClick={entry.onClick}>{entry.icon}{entry.label}</Base.Item>;
  }
}
