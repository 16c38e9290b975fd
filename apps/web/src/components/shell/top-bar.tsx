"use client";
import { Keyboard, LogOut, Monitor, Moon, Search, Sun, UserRound } from "lucide-react";
import Link from "next/link";
import { LiveLight } from "../live/live-light.tsx";
import { Menu } from "../ui/menu.tsx";
import { IconButton, buttonClass } from "../ui/button.tsx";
import { Kbd } from "../ui/kbd.tsx";
import type { Person } from "./person.tsx";
import { setSingleKeys, useSingleKeys } from "./shortcuts.ts";
import { useTheme, type ThemeChoice } from "./use-theme.ts";
import { signOut } from "./sign-out.ts";
import { Wordmark } from "./wordmark.tsx";

/** Search, how fresh the page is, and the person. */
export function TopBar({ person, onSearch, onHelp }: { person: Person; onSearch: () => void; onHelp: () => void }) {
  return (
    <header className="sticky top-0 z-20 flex h-12 items-center gap-2 border-b bg-canvas/90 px-4 backdrop-blur-sm sm:px-6">
      <Link href="/" aria-label="Flotilla, overview" className="mr-1 lg:hidden"><Wordmark /></Link>
      <button type="button" onClick={onSearch} className="flex h-8 w-full max-w-80 items-center gap-2 rounded-md border bg-surface px-2.5 text-muted hover:border-line-strong max-sm:hidden">
        <Search size={14} aria-hidden /><span className="flex-1 text-left">Search or jump to…</span><Kbd>Ctrl K</Kbd>
      </button>
      <div className="ml-auto flex items-center gap-1">
        <LiveLight />
        <span className="sm:hidden"><IconButton label="Search" onClick={onSearch}><Search size={16} aria-hidden /></IconButton></span>
        <PersonMenu person={person} onHelp={onHelp} />
      </div>
    </header>
  );
}

function PersonMenu({ person, onHelp }: { person: Person; onHelp: () => void }) {
  const { choice, choose } = useTheme();
  const singleKeys = useSingleKeys();
  return (
    <Menu
      trigger={
        <button type="button" className={buttonClass({ kind: "quiet", size: "icon" })} aria-label={`${person.name}: account and display`}>
          <span aria-hidden className="grid size-6 place-items-center rounded-full bg-accent-soft text-2xs font-semibold text-accent-text">{initials(person.name)}</span>
        </button>
      }
      entries={[
        { kind: "text", label: <span className="block max-w-56"><span className="block truncate font-medium text-ink">{person.name}</span>{person.role}</span> },
        { kind: "link", label: "Account", icon: <UserRound size={14} aria-hidden />, href: "/account" },
        { kind: "line" },
        {
          kind: "choice", label: "Theme", value: choice, onChange: (value) => choose(value as ThemeChoice),
          options: [
            { value: "system", label: "System", icon: <Monitor size={14} aria-hidden /> },
            { value: "light", label: "Light", icon: <Sun size={14} aria-hidden /> },
            { value: "dark", label: "Dark", icon: <Moon size={14} aria-hidden /> },
          ],
        },
        { kind: "line" },
        { kind: "action", label: "Keyboard shortcuts", icon: <Keyboard size={14} aria-hidden />, onClick: onHelp },
        { kind: "action", label: singleKeys ? "Turn single keys off" : "Turn single keys on", icon: <Keyboard size={14} aria-hidden />, onClick: () => setSingleKeys(!singleKeys) },
        { kind: "action", label: "Sign out", icon: <LogOut size={14} aria-hidden />, onClick: () => void signOut() },
      ]}
    />
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => String.fromCodePoint(word?.codePointAt(0) ?? 32).toUpperCase()).join("");
}
