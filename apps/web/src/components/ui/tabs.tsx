"use client";
import { Tabs as Base } from "@base-ui/react/tabs";
import type { ReactNode } from "react";

export type Tab = { value: string; label: ReactNode; content: ReactNode };

/** Tabs whose chosen one the caller keeps (in the URL). Arrow keys move, number keys are the page's business. */
export function Tabs({ value, onChange, tabs, label }: { value: string; onChange: (value: string) => void; tabs: readonly Tab[]; label: string }) {
  return (
    <Base.Root value={value} onValueChange={(next) => onChange(String(next))}>
      <Base.List aria-label={label} className="relative flex gap-1 overflow-x-auto border-b">
        {tabs.map((tab) => (
          <Base.Tab key={tab.value} value={tab.value} className="-mb-px h-9 shrink-0 border-b-2 border-transparent px-3 text-muted hover:text-ink data-active:border-accent-text data-active:font-medium data-active:text-ink max-sm:h-11">
            {tab.label}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map((tab) => <Base.Panel key={tab.value} value={tab.value} className="pt-4 outline-none">{tab.content}</Base.Panel>)}
    </Base.Root>
  );
}
