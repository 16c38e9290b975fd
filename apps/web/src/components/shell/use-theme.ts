"use client";
import { useEffect, useSyncExternalStore } from "react";

export type ThemeChoice = "system" | "light" | "dark";

const listeners = new Set<() => void>();

function subscribe(onChange: () => void): () => void {
  listeners.add(onChange);
  return () => listeners.delete(onChange);
}

function choice(): ThemeChoice {
  const kept = document.documentElement.dataset["themeChoice"];
  return kept === "light" || kept === "dark" ? kept : "system";
}

function apply(next: ThemeChoice): void {
  const root = document.documentElement;
  root.dataset["themeChoice"] = next;
  root.dataset["theme"] = next === "system" ? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") : next;
  for (const listener of listeners) listener();
}

/** Pages whose theme is the system's change with it, those without the shell too: sign-in, first steps, a missing page. */
export function useSystemTheme(): void {
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => {
      if (choice() === "system") apply("system");
    };
    media.addEventListener("change", follow);
    return () => media.removeEventListener("change", follow);
  }, []);
}

/** The theme a person chose in this browser, and how to choose another. */
export function useTheme(): { choice: ThemeChoice; choose: (next: ThemeChoice) => void } {
  const current = useSyncExternalStore(subscribe, choice, () => "system" as const);
  return {
    choice: current,
    choose: (next) => {
      try {
        localStorage.setItem("flotilla-theme", next);
      } catch {
        // A browser that keeps nothing: the choice lasts as long as the page.
      }
      apply(next);
    },
  };
}
