import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Fault } from "./code-rules.ts";
import type { SourceFile } from "./source-file.ts";

// A guide that is wrong costs more than none: what it names must exist.

const TOP = /^(packages|apps|prisma|scripts|docs|tests|bench|\.ci)\//;
const ROOT_FILE = /^[\w.-]+(\.md|\.json|\.yml|\.config\.ts)$|^Dockerfile$/;
/** Made while the product runs, or placeholders. */
const NOT_A_PATH = /[<>*…{}$ ]|\.\.\.|^\.flotilla|^(credentials|secrets|launcher|scenario|faults|manifest)\.json$/;

/** Paths, links and npm commands in Markdown files that do not exist. */
export function guideFaults(file: SourceFile, root: string, npmScripts: ReadonlySet<string>): Fault[] {
  if (!file.path.endsWith(".md")) return [];
  return file.lines.flatMap((line, at) => {
    const place = `${file.path}:${at + 1}`;
    return [...missingPaths(line, file, root), ...missingLinks(line, file, root), ...missingCommands(line, npmScripts)].map((what) => `${place} ${what}`);
  });
}

function missingPaths(line: string, file: SourceFile, root: string): string[] {
  return [...line.matchAll(/`([^`]+)`/g)]
    .map((match) => (match[1] ?? "").replace(/[:,]\d*$/, "").replace(/#.*$/, ""))
    .filter((token) => (TOP.test(token) || ROOT_FILE.test(token)) && !NOT_A_PATH.test(token))
    .filter((token) => !existsSync(join(root, token)) && !existsSync(join(root, dirname(file.path), token)))
    .map((token) => `names ${token}, which does not exist`);
}

function missingLinks(line: string, file: SourceFile, root: string): string[] {
  return [...line.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => (match[1] ?? "").replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(root, normalize(join(dirname(file.path), target)))))
    .map((target) => `links to ${target}, which does not exist`);
}

function missingCommands(line: string, npmScripts: ReadonlySet<string>): string[] {
  const named = [...line.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map((match) => match[1] ?? match[2] ?? "");
  return named.filter((name) => !npmScripts.has(name)).map((name) => `names the command "npm run ${name}", which does not exist`);
}

const SETTING = /^\s*([A-Z][A-Z0-9_]+):/gm;

/** `.env.example` and the schemas in `apps/<app>/src/env.ts` name the same settings, when the former exists. */
export function environmentExampleFaults(files: readonly SourceFile[]): Fault[] {
  const example = files.find((file) => file.path === ".env.example");
  const schemas = files.filter((file) => /^apps\/[^/]+\/src\/env\.ts$/.test(file.path));
  if (!example) return [];
  const known = new Set(schemas.flatMap((file) => [...file.text.matchAll(SETTING)].map((match) => match[1] ?? "")));
  const composed = files.find((file) => file.path === "docker-compose.yml")?.text ?? "";
  const shown = new Set([...example.text.matchAll(/^#?\s*([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1] ?? ""));
  return [
    ...[...shown].filter((name) => !known.has(name) && !composed.includes(`\${${name}`)).map((name) => `.env.example:1 names ${name}, which no program reads`),
    ...[...known].filter((name) => !shown.has(name)).map((name) => `.env.example:1 does not name ${name}, which a program reads`),
  ];
}
