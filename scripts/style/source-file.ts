import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A file of the repository, read once for all rules. */
export type SourceFile = {
  /** Relative to the root, with "/". */
  path: string;
  text: string;
  lines: readonly string[];
};

const TEXT = /\.(ts|tsx|mts|mjs|css|md|prisma|sql|json|yml|yaml)$|(^|\/)(\.env\.example|Dockerfile)$/;

/** Every text file that git has or would take. */
export function readSourceFiles(root: string): SourceFile[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8", maxBuffer: 64 * 2 ** 20 });
  return [...new Set(listed.split("\0"))]
    .filter((path) => TEXT.test(path))
    .flatMap((path) => {
      const file = tryRead(root, path);
      return file ? [file] : [];
    });
}

/** Undefined when the file has been deleted but git still lists it. */
function tryRead(root: string, path: string): SourceFile | undefined {
  try {
    return sourceFile(path, readFileSync(join(root, path), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, lines: text.replace(/\n$/, "").split("\n") };
}
