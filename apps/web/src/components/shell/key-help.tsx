"use client";
import { Dialog } from "../ui/dialog.tsx";
import { Kbd } from "../ui/kbd.tsx";
import { useShortcutGroups, useSingleKeys } from "./shortcuts.ts";

/** What can be pressed on this page. */
export function KeyHelp({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const groups = useShortcutGroups();
  const singleKeys = useSingleKeys();
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard shortcuts" description={singleKeys ? "Single keys can be turned off in the account menu." : "Single keys are off; turn them on in the account menu."} width="md">
      <div className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
        {groups.filter((group) => group.shortcuts.length > 0).toReversed().map((group) => (
          <section key={group.name}>
            <h3 className="mb-1 text-xs font-medium text-muted">{group.name}</h3>
            <ul>
              {group.shortcuts.map((shortcut) => (
                <li key={shortcut.keys} className="flex h-8 items-center justify-between gap-3 border-b last:border-b-0">
                  <span>{shortcut.label}</span><Keys keys={shortcut.keys} />
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

export function Keys({ keys }: { keys: string }) {
  return <span className="flex gap-1">{keys.split(/[ +]/).map((key, index) => <Kbd key={index}>{key === "mod" ? "Ctrl" : key.length === 1 ? key.toUpperCase() : key}</Kbd>)}</span>;
}
