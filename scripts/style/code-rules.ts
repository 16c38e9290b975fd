import { APPS, COMPOSITION_ROOTS, forbiddenFor, GUARDED, MAY_IMPORT } from "../import-table.ts";
import type { SourceFile } from "./source-file.ts";

/** What is wrong, with the place in front: "path:line sentence". */
export type Fault = string;

const MAX_LINES = 500;
const MAX_SHIM_LINES = 30;
const CODE = /\.(ts|tsx|mts|mjs)$/;
const OURS = /^(packages|apps|scripts|tests|bench)\//;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const FORBIDDEN_WORDS = new Set(["util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"]);
// What Next.js means by them is written in its documentation.
const NEXT_FOLDER = /^(\[{1,2}(\.\.\.)?[a-z0-9-]+\]{1,2}|\([a-z0-9-]+\)|@[a-z0-9-]+|_[a-z0-9-]+)$/i;

/** The rules that look at one file of code at a time. */
export function codeFaults(file: SourceFile): Fault[] {
  if (!CODE.test(file.path)) return [];
  const rules = [lengthFaults, shimFaults, nameFaults, dynamicImportFaults, thrownErrorFaults, environmentFaults];
  return rules.flatMap((rule) => rule(file));
}

function lengthFaults({ path, lines }: SourceFile): Fault[] {
  if (lines.length <= MAX_LINES || /^\/\/ Long file: \S/.test(lines[0] ?? "")) return [];
  return [`${path}:1 has ${lines.length} lines; past ${MAX_LINES} the first line must say why ("// Long file: …")`];
}

function shimFaults({ path, lines }: SourceFile): Fault[] {
  if (!path.startsWith("apps/web/src/app/")) return [];
  const faults: Fault[] = [];
  if (/\/(page\.tsx|route\.ts)$/.test(path) && lines.length > MAX_SHIM_LINES) {
    faults.push(`${path}:1 has ${lines.length} lines; a page or route hands over to a feature within ${MAX_SHIM_LINES}`);
  }
  const useClient = lines.findIndex((line) => /^\s*["']use client["']/.test(line));
  if (/\/(page|layout)\.tsx$/.test(path) && useClient >= 0) faults.push(`${path}:${useClient + 1} "use client" belongs into a leaf, not into a page or layout`);
  return faults;
}

function nameFaults({ path }: SourceFile): Fault[] {
  if (!OURS.test(path)) return [];
  const segments = path.split("/");
  const base = (segments.pop() ?? "").split(".")[0] ?? "";
  const isInNext = path.startsWith("apps/web/src/app/");
  const wrong = segments.find((folder) => !KEBAB.test(folder) && !(isInNext && NEXT_FOLDER.test(folder)));
  const faults: Fault[] = [];
  if (wrong !== undefined) faults.push(`${path}:1 folder "${wrong}" is not kebab-case`);
  if (!KEBAB.test(base)) faults.push(`${path}:1 file name is not kebab-case`);
  const vague = [...segments, base].flatMap((segment) => segment.split("-")).find((word) => FORBIDDEN_WORDS.has(word));
  if (vague) faults.push(`${path}:1 "${vague}" says nothing; name it after what it holds`);
  return faults;
}

/** The linter reads import declarations only; import() and require() must keep to the same table. */
function dynamicImportFaults({ path, lines }: SourceFile): Fault[] {
  const folder = Object.keys(MAY_IMPORT).find((name) => path.startsWith(`${name}/`));
  if (!folder || path.includes(".test.")) return [];
  const isRoot = (COMPOSITION_ROOTS[folder] ?? []).some((place) => (place.endsWith("/**") ? path.startsWith(place.slice(0, -2)) : path === place));
  const forbidden = [...forbiddenFor(folder).filter((name) => !(name === "db" && isRoot)), ...APPS].map((name) => `@flotilla/${name}`);
  const guarded = GUARDED.filter(({ home }) => (home.endsWith("/**") ? !path.startsWith(home.slice(0, -2)) : path !== home)).flatMap(({ names }) => names);
  return lines.flatMap((line, at) => {
    if (/^\s*(\/\/|\*)/.test(line)) return [];
    const specifier = /\b(?:import|require)\(\s*["']([^"']+)["']/.exec(line)?.[1];
    if (specifier === undefined) return [];
    const isWrong = [...forbidden, ...guarded].some((name) => specifier === name || specifier.startsWith(`${name}/`));
    return isWrong ? [`${path}:${at + 1} may not load ${specifier} (scripts/import-table.ts)`] : [];
  });
}

/** In the rules of the product, expected failures are FleetErrors; what cannot happen goes through invariant or assertNever. */
function thrownErrorFaults({ path, lines }: SourceFile): Fault[] {
  if (!path.startsWith("packages/fleet/src/") || path.includes(".test.") || path.includes("/testing/")) return [];
  return lines.flatMap((line, at) => (/\bthrow new (Type|Range)?Error\(/.test(line) ? [`${path}:${at + 1} throws a plain Error; throw a FleetError, or use invariant or assertNever`] : []));
}

/** The linter knows `process.env`; this is its other door. */
function environmentFaults({ path, lines }: SourceFile): Fault[] {
  if (!/^(packages|apps)\//.test(path) || path.endsWith("/src/env.ts") || path.includes("/testing/")) return [];
  return lines.flatMap((line, at) =>
    /import\s*\{[^}]*\benv\b[^}]*\}\s*from\s*["'](node:)?process["']/.test(line) ? [`${path}:${at + 1} reads the environment outside env.ts`] : [],
  );
}
