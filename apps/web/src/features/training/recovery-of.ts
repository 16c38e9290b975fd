import type { VersionView } from "@flotilla/fleet";

/** Weights that are integers cannot be moved in small steps: their parent is trained, with the rounding that they have. */
const ROUNDED = new Set(["static_int8", "dynamic_int8", "mixed_precision"]);

/** What the form for a new training is opened with to win back what a variant lost; null where training further would not: nothing was lost, or the form would be another one. */
export function recoveryOf({ id, parentId, variantKind }: Pick<VersionView, "id" | "parentId" | "variantKind">): { version: string; teacher: string; rounding?: "int8" } | null {
  if (parentId === null || variantKind === null) return null;
  if (ROUNDED.has(variantKind)) return { version: parentId, teacher: parentId, rounding: "int8" };
  return variantKind === "channel_pruning" ? { version: id, teacher: parentId } : null;
}
