import { extendTailwindMerge } from "tailwind-merge";

// Our own sizes must not be taken for colours: "text-ink text-ui" sets two things.
const merge = extendTailwindMerge({ extend: { theme: { text: ["ui", "2xs"], shadow: ["lift", "float"] } } });

/** Joins class names; of two that set the same thing the later one wins. */
export function cn(...parts: readonly (string | false | null | undefined)[]): string {
  return merge(parts.filter((part) => typeof part === "string" && part !== "").join(" "));
}
