"use client";
import { useSyncExternalStore } from "react";

/** The present value of a CSS variable at an element, for code that paints on a canvas. */
export function cssColor(element: Element, variable: string): string {
  return getComputedStyle(element).getPropertyValue(variable).trim() || "currentcolor";
}

let version = 0;

function subscribeToTheme(onChange: () => void): () => void {
  const notify = () => {
    version += 1;
    onChange();
  };
  const observer = new MutationObserver(notify);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", notify);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", notify);
  };
}

/** A number that changes when the theme does: canvases repaint on it. */
export function useThemeVersion(): number {
  return useSyncExternalStore(subscribeToTheme, () => version, () => 0);
}
