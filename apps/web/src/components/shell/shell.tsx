"use client";
import { useRouter } from "next/navigation";
import { useMemo, useState, type ReactNode } from "react";
import { useLive } from "../live/live-provider.tsx";
import { StaleBar } from "../live/stale-bar.tsx";
import { CommandPalette } from "./command-palette.tsx";
import { KeyHelp } from "./key-help.tsx";
import { navItems } from "./navigation.ts";
import { PhoneBar } from "./phone-bar.tsx";
import { Rail } from "./rail.tsx";
import { EVERYWHERE, GO_TO, useShortcutListener, useShortcuts, type Shortcut } from "./shortcuts.ts";
import { PersonProvider, type Person } from "./person.tsx";
import { TopBar } from "./top-bar.tsx";
import { UploadDock } from "../../features/upload/upload-dock.tsx";
import { DropAnywhere } from "../../features/upload/drop-anywhere.tsx";

/** What surrounds every page of a signed-in person. */
export function Shell({ person, children }: { person: Person; children: ReactNode }) {
  const router = useRouter();
  const live = useLive();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const go = useMemo<Shortcut[]>(() => navItems.map((item) => ({ keys: `g ${item.key}`, label: item.label, run: () => router.push(item.href as "/") })), [router]);
  useShortcuts(EVERYWHERE, [
    { keys: "mod+k", label: "Search and commands", run: () => setPalette((open) => !open) },
    { keys: "/", label: "Search", run: () => focusSearch(() => setPalette(true)) },
    { keys: "?", label: "Keys", run: () => setHelp(true) },
  ]);
  useShortcuts(GO_TO, go);
  useShortcutListener();
  return (
    <PersonProvider person={person}>
    <div className="lg:grid lg:grid-cols-[208px_minmax(0,1fr)]">
      <a href="#main" className="fixed top-2 left-2 z-60 -translate-y-16 rounded-md border bg-raised px-3 py-1.5 font-medium focus:translate-y-0 focus:shadow-float">Skip to content</a>
      <Rail />
      <div className="flex min-h-dvh min-w-0 flex-col max-lg:pb-[calc(3.5rem+env(safe-area-inset-bottom))]">
        <TopBar person={person} onSearch={() => setPalette(true)} onHelp={() => setHelp(true)} />
        <StaleBar />
        <main id="main" tabIndex={-1} data-stale={live.kind === "disconnected" || undefined} className="min-w-0 flex-1 outline-none">{children}</main>
      </div>
      <PhoneBar />
      <CommandPalette open={palette} onOpenChange={setPalette} />
      <KeyHelp open={help} onOpenChange={setHelp} />
      <DropAnywhere />
      <UploadDock />
    </div>
    </PersonProvider>
  );
}

/** `/` goes to the page's own search field when it has one. */
function focusSearch(otherwise: () => void): void {
  const field = document.querySelector<HTMLInputElement>("main input[type=search]");
  if (field === null) otherwise();
  else field.focus();
}
