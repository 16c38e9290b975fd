"use client";
import { useEffect, useEffectEvent, useSyncExternalStore } from "react";

/** A key ("p"), two after each other ("g o"), or with Ctrl/⌘ ("mod+k"), what it does, and how `?` and the palette call it. */
export type Shortcut = { keys: string; label: string; run: () => void };
export type ShortcutGroup = { name: string; shortcuts: readonly Shortcut[] };

/** Names of the groups that every page has. */
export const EVERYWHERE = "Everywhere";
export const GO_TO = "Go to";

const SEQUENCE_MS = 1_200;
const SETTING = "flotilla-single-keys";

const groups = new Map<symbol, ShortcutGroup>();
const listeners = new Set<() => void>();
let snapshot: readonly ShortcutGroup[] = [];

function changed(): void {
  snapshot = [...groups.values()];
  for (const listener of listeners) listener();
}

function subscribe(onChange: () => void): () => void {
  listeners.add(onChange);
  return () => listeners.delete(onChange);
}

const NONE: readonly ShortcutGroup[] = [];

/** Everything that can be pressed now, by group. */
export function useShortcutGroups(): readonly ShortcutGroup[] {
  return useSyncExternalStore(subscribe, () => snapshot, () => NONE);
}

/** Registers keys while the component is mounted. They rest while a dialog is open or somebody types. */
export function useShortcuts(name: string, shortcuts: readonly Shortcut[]): void {
  const runByKeys = useEffectEvent((keys: string) => shortcuts.find((shortcut) => shortcut.keys === keys)?.run());
  const signature = shortcuts.map((shortcut) => `${shortcut.keys}\u0000${shortcut.label}`).join("\u0001");
  useEffect(() => {
    const id = Symbol(name);
    const known = signature === "" ? [] : signature.split("\u0001").map((part) => part.split("\u0000"));
    groups.set(id, { name, shortcuts: known.map(([keys = "", label = ""]) => ({ keys, label, run: () => runByKeys(keys) })) });
    changed();
    return () => {
      groups.delete(id);
      changed();
    };
  }, [name, signature]);
}

/** Whether keys without Ctrl do anything; people who speak or whose hands shake turn them off. */
export function singleKeysOn(): boolean {
  try {
    return localStorage.getItem(SETTING) !== "off";
  } catch {
    return true;
  }
}

export function setSingleKeys(on: boolean): void {
  try {
    localStorage.setItem(SETTING, on ? "on" : "off");
  } catch {
    // Not kept: the page goes on with what it had.
  }
  changed();
}

export function useSingleKeys(): boolean {
  return useSyncExternalStore(subscribe, singleKeysOn, () => true);
}

/** The one key listener. `now` shortcuts of the newest page win over older ones with the same keys. */
export function useShortcutListener(): void {
  useEffect(() => {
    let first = "";
    let firstAt = 0;
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return;
      const isMod = event.ctrlKey || event.metaKey;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (isMod) {
        if (press(`mod+${key}`)) event.preventDefault();
        return;
      }
      if (event.altKey || !singleKeysOn() || isTyping(event.target) || isDialogOpen()) return;
      const sequence = first !== "" && event.timeStamp - firstAt < SEQUENCE_MS ? `${first} ${key}` : "";
      first = "";
      if (sequence !== "" && press(sequence)) return event.preventDefault();
      if (press(key)) return event.preventDefault();
      if (snapshot.some((group) => group.shortcuts.some((shortcut) => shortcut.keys.startsWith(`${key} `)))) {
        first = key;
        firstAt = event.timeStamp;
      }
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

function press(keys: string): boolean {
  const shortcut = snapshot.toReversed().flatMap((group) => group.shortcuts).find((candidate) => candidate.keys === keys);
  shortcut?.run();
  return shortcut !== undefined;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox],[type=radio],[type=button]), textarea, select, [role=textbox], [role=combobox]"));
}

function isDialogOpen(): boolean {
  return document.querySelector("[role=dialog][data-open], [role=alertdialog][data-open], [role=menu]") !== null;
}
