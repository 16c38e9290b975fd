import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";

export type PostgresBinaries = { initdb: string; postgres: string; majorVersion: string };

// Node's names of this machine → the package of the embedded-postgres project that carries its binaries.
const PACKAGES: Record<string, string> = {
  "darwin arm64": "darwin-arm64",
  "darwin x64": "darwin-x64",
  "linux arm": "linux-arm",
  "linux arm64": "linux-arm64",
  "linux ia32": "linux-ia32",
  "linux ppc64": "linux-ppc64",
  "linux x64": "linux-x64",
  "win32 x64": "windows-x64",
};

/**
 * Finds PostgreSQL in node_modules and completes it: npm packages cannot hold symbolic links, so the package lists
 * them and a script of its own makes them. We run that script by name, because install scripts are off.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const machine = `${process.platform} ${process.arch}`;
  const name = PACKAGES[machine];
  const folder = name && packageFolder(`@embedded-postgres/${name}`);
  if (!folder) {
    throw new EmbeddedPostgresError(
      "unsupported_machine",
      `There is no embedded PostgreSQL for this machine (${machine}). Set DATABASE_URL to a PostgreSQL 15 or newer.`,
    );
  }
  await makeSymlinks(folder);
  const suffix = process.platform === "win32" ? ".exe" : "";
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string };
  return {
    initdb: join(folder, "native/bin", `initdb${suffix}`),
    postgres: join(folder, "native/bin", `postgres${suffix}`),
    majorVersion: version.split(".")[0] ?? "",
  };
}

function packageFolder(name: string): string | undefined {
  const require = createRequire(import.meta.url);
  // The package is a dependency of `embedded-postgres`, not of ours, so look from there.
  const wrapper = createRequire(require.resolve("embedded-postgres"));
  try {
    return dirname(dirname(wrapper.resolve(name)));
  } catch {
    return undefined;
  }
}

async function makeSymlinks(folder: string): Promise<void> {
  const list = join(folder, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, "utf8")) as { target: string }[];
  if (links.every((link) => existsSync(join(folder, link.target)))) return;
  await promisify(execFile)(process.execPath, [join(folder, "scripts/hydrate-symlinks.js")], { cwd: folder });
}
