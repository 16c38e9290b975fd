import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SOURCES = ["packages", "apps", "prisma", "scripts", "tests"];
const FILES = ["package.json", "tsconfig.json", "tsconfig.base.json", "vitest.config.ts", "prisma.config.ts"];
/** Neither built nor read by what runs in the copy. */
const LEFT_OUT = /(^|\/)(node_modules|\.next|\.flotilla|test-results)$/;

/** A throw-away copy of the tree in which one mistake at a time is made. */
export type TreeCopy = {
  readonly root: string;
  /** Makes the edits, and answers how to take them back. Throws when a text to be replaced is not there, or not just once. */
  edit(edits: readonly { file: string; find: string; replace: string }[]): () => void;
  remove(): void;
};

/** Copies sources; packages of others are links, our own lead into the copy. */
export function copyTree(from: string): TreeCopy {
  const root = mkdtempSync(join(tmpdir(), "flotilla-mutants-"));
  for (const folder of SOURCES) cpSync(join(from, folder), join(root, folder), { recursive: true, filter: (path) => !LEFT_OUT.test(path) });
  for (const file of FILES) if (existsSync(join(from, file))) cpSync(join(from, file), join(root, file));
  const modules = join(root, "node_modules");
  mkdirSync(modules);
  for (const name of readdirSync(join(from, "node_modules"))) if (name !== "@flotilla") symlinkSync(join(from, "node_modules", name), join(modules, name));
  mkdirSync(join(modules, "@flotilla"));
  for (const name of readdirSync(join(from, "node_modules/@flotilla"))) symlinkSync(readlinkSync(join(from, "node_modules/@flotilla", name)), join(modules, "@flotilla", name));
  return {
    root,
    edit(edits) {
      const before = new Map<string, string>();
      const undo = (): void => before.forEach((text, path) => writeFileSync(path, text));
      for (const { file, find, replace } of edits) {
        const path = join(root, file);
        const text = readFileSync(path, "utf8");
        if (text.split(find).length !== 2) {
          undo();
          throw new Error(`${file} does not hold exactly once: ${find.trim()}`);
        }
        if (!before.has(path)) before.set(path, text);
        writeFileSync(path, text.replace(find, () => replace));
      }
      return undo;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
