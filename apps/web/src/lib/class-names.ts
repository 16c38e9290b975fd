import { twMerge } from "tailwind-merge";

/** Joins class names; of two that set the same thing the later one wins. */
export function cn(...parts: readonly (string | false | null | undefined)[]): string {
  return twMerge(parts.filter((part) => typeof part === "string" && part !== "").join(" "));
}
