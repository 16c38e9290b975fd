import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codeFaults, type Fault } from "./style/code-rules.ts";
import { environmentExampleFaults, guideFaults } from "./style/guide-rules.ts";
import { readSourceFiles } from "./style/source-file.ts";

/** The rules of our guide that no linter knows. Empty = all kept. */
export function findStyleFaults(root: string): Fault[] {
  const files = readSourceFiles(root);
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const npmScripts = new Set(Object.keys(scripts));
  return [
    ...files.flatMap((file) => codeFaults(file)),
    ...files.flatMap((file) => guideFaults(file, root, npmScripts)),
    ...environmentExampleFaults(files),
  ];
}

if (import.meta.main) {
  const faults = findStyleFaults(join(import.meta.dirname, ".."));
  for (const fault of faults) console.error(fault);
  console.log(faults.length === 0 ? "Style: nothing found." : `Style: ${faults.length} found.`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
