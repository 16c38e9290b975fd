import type { TrainingRecipe } from "@flotilla/fleet";

/** One thing that runs were told differently: a dotted path into the recipe, and what each run has there (null: nothing). */
export type RecipeDifference = { path: string; values: (string | null)[] };

/** Where the recipes differ, in the order in which the first one names things. */
export function recipeDifferences(recipes: readonly unknown[]): RecipeDifference[] {
  const flat = recipes.map((recipe) => leavesOf(recipe));
  const paths = [...new Set(flat.flatMap((leaves) => [...leaves.keys()]))];
  return paths.map((path) => ({ path, values: flat.map((leaves) => leaves.get(path) ?? null) })).filter(({ values }) => values.some((value) => value !== values[0]));
}

/** What is alike in all of them. */
export function commonCount(recipes: readonly unknown[]): number {
  const paths = new Set(recipes.flatMap((recipe) => [...leavesOf(recipe).keys()]));
  return paths.size - recipeDifferences(recipes).length;
}

/** The recipe without the id of its teacher, which people know by its name. */
export function withoutTeacherId(recipe: TrainingRecipe): unknown {
  const { distillation, ...rest } = recipe;
  if (distillation === undefined) return rest;
  const { teacherVersionId: _, ...settings } = distillation;
  return { ...rest, distillation: settings };
}

/** Everything a recipe says, as paths and texts. */
export function recipeLines(recipe: unknown): { path: string; value: string }[] {
  return [...leavesOf(recipe)].map(([path, value]) => ({ path, value }));
}

function leavesOf(value: unknown, path = "", found = new Map<string, string>()): Map<string, string> {
  if (value === null || value === undefined) return found;
  if (Array.isArray(value)) {
    found.set(path, value.map((entry) => (typeof entry === "object" ? JSON.stringify(entry) : String(entry))).join(", "));
  } else if (typeof value === "object") {
    for (const [name, inner] of Object.entries(value)) leavesOf(inner, path === "" ? name : `${path}.${name}`, found);
  } else {
    found.set(path, String(value));
  }
  return found;
}

/** A path as people read it: "optimizer.learningRate" → "optimizer: learning rate". */
export function pathWords(path: string): string {
  return path.split(".").map((part) => part.replaceAll(/([a-z\d])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`).replaceAll("_", " ")).join(": ");
}
