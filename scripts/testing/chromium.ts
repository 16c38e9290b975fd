import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";

const SYSTEM_PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

export type Browser = { kind: "system"; path: string } | { kind: "playwright" } | { kind: "none"; reason: string };

/**
 * A browser for the end-to-end tests: CHROMIUM_PATH, the system's, Debian's package (installed as root), else
 * Playwright's own. "none" comes with the reason.
 */
export function findBrowser(root: string): Browser {
  const asked = process.env["CHROMIUM_PATH"];
  if (asked) return isExecutable(asked) ? { kind: "system", path: asked } : { kind: "none", reason: `CHROMIUM_PATH=${asked} cannot be executed` };
  const found = SYSTEM_PATHS.find(isExecutable);
  if (found) return { kind: "system", path: found };
  const refusals: string[] = [];
  const debian = installOnDebian();
  if (debian === undefined && isExecutable("/usr/bin/chromium")) return { kind: "system", path: "/usr/bin/chromium" };
  if (debian) refusals.push(debian);
  const own = installPlaywrights(root);
  if (own === undefined) return { kind: "playwright" };
  refusals.push(own);
  return { kind: "none", reason: refusals.join("; ") };
}

/** Undefined when it is installed now, else why not. */
function installOnDebian(): string | undefined {
  if (process.platform !== "linux" || !existsSync("/usr/bin/apt-get")) return "no Debian";
  if (process.geteuid?.() !== 0) return "apt-get install chromium needs root";
  console.log("  Installing Chromium (apt-get install chromium) …");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    execFileSync("apt-get", ["update", "-qq"], { env, stdio: "pipe" });
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], { env, stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `apt-get install chromium failed: ${telling(String((error as { stderr?: Buffer }).stderr ?? error))}`;
  }
}

function installPlaywrights(root: string): string | undefined {
  console.log("  Installing Playwright's Chromium …");
  const result = spawnSync(process.execPath, ["node_modules/@playwright/test/cli.js", "install", "chromium"], { cwd: root, encoding: "utf8", timeout: 180_000 });
  return result.status === 0 ? undefined : `Playwright's own could not be installed: ${telling(`${result.stdout}${result.stderr}`)}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The line of a failed program's output that says why; its last one may be the end of a stack trace. */
function telling(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return lines.findLast((line) => /error|fail|cannot|could not|unable/i.test(line)) ?? lines.at(-1) ?? "it said nothing";
}
