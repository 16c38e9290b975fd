import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SANDBOX_MARK } from "./sandbox-child.ts";
import type { SandboxLimits } from "./types.ts";

const MIB = 1024 * 1024;

/** ONNX Runtime's arena grows by doubling, so it may reserve twice what it uses. */
const RESERVED_PER_USED = 2;

/** Largest file the child may write unless the caller says otherwise. */
const FILE_BYTES_DEFAULT = 1_024 * MIB;

/** Seconds between the CPU limit's warning (SIGXCPU, which ends the child) and the kernel's SIGKILL. */
const CPU_GRACE_SECONDS = 1;

/** Flags of the parent without which TypeScript sources would not run in the child. */
const INHERITED_FLAGS = /^--(?:experimental-strip-types|experimental-transform-types|disable-warning=.*)$/;

export type Command = { readonly file: string; readonly args: readonly string[] };

/** The command line of a child: limits by the shell, then privileges and network dropped where the system can, then Node. */
export async function sandboxCommand(entry: URL, limits: SandboxLimits): Promise<Command> {
  const heapMib = Math.max(64, Math.floor(limits.memoryBytes / MIB));
  const node = [...nodeCommand(), `--max-old-space-size=${heapMib}`, fileURLToPath(entry), SANDBOX_MARK];
  const [file = "", ...args] = node;
  if (process.platform === "win32") return { file, args };
  host ??= examineHost();
  const { confinement, idleDataKib } = await host;
  return { file: "/bin/sh", args: ["-c", `${ulimits(limits, idleDataKib)} exec "$@"`, "sh", ...confinement, ...node] };
}

function nodeCommand(): string[] {
  return [process.execPath, ...process.execArgv.filter((flag) => INHERITED_FLAGS.test(flag))];
}

/**
 * Units of the shell: memory in KiB, files in 512-byte blocks. Memory is bounded by `-d` (RLIMIT_DATA: writable private memory
 * on Linux ≥ 4.7), what an idle child has plus what it may use: a hard wall behind the watchdog on resident memory. Address
 * space (`-v`) is no use: Node reserves 10 GiB of it for WebAssembly when it runs TypeScript, and a model failed at random
 * under any tighter limit. A limit the system does not know is left to the watchdog.
 */
function ulimits(limits: SandboxLimits, idleDataKib: number): string {
  const cpuSeconds = Math.max(1, Math.ceil(limits.cpuSeconds));
  const dataKib = idleDataKib + Math.ceil((limits.memoryBytes * RESERVED_PER_USED) / 1_024);
  const fileBlocks = Math.ceil((limits.fileBytes ?? FILE_BYTES_DEFAULT) / 512);
  return [
    "ulimit -c 0 2>/dev/null;",
    idleDataKib === 0 ? "" : `ulimit -d ${dataKib} 2>/dev/null;`,
    `ulimit -f ${fileBlocks} 2>/dev/null;`,
    `ulimit -H -t ${cpuSeconds + CPU_GRACE_SECONDS} 2>/dev/null; ulimit -S -t ${cpuSeconds} 2>/dev/null;`,
  ].join(" ");
}

/**
 * `setpriv`: the child gets SIGKILL when the parent dies, even while it is blocked in native code, and can gain no rights.
 * `unshare`: no network. Neither is everywhere, and user namespaces are often forbidden, so the longest chain that works
 * here is found by trying.
 */
const CHAINS: readonly (readonly (readonly [string, ...string[]])[])[] = [
  [
    ["unshare", "--user", "--map-root-user", "--net", "--"],
    ["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--"],
  ],
  [["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--"]],
  [],
];

type Host = { readonly confinement: readonly string[]; readonly idleDataKib: number };

/** Found out once per process, about 0.3 s. */
let host: Promise<Host> | undefined;

async function examineHost(): Promise<Host> {
  const trial = [...nodeCommand(), fileURLToPath(new URL("./sandbox-trial.ts", import.meta.url))];
  for (const chain of CHAINS) {
    const confinement = process.platform === "linux" ? resolveChain(chain) : [];
    const idleDataKib = confinement === null ? null : await tryCommand([...confinement, ...trial]);
    if (confinement !== null && idleDataKib !== null) return { confinement, idleDataKib };
  }
  return { confinement: [], idleDataKib: 0 };
}

/** The chain with absolute paths, or null when one of its tools is not here. */
function resolveChain(chain: (typeof CHAINS)[number]): string[] | null {
  const words: string[] = [];
  for (const [tool, ...args] of chain) {
    const path = findTool(tool);
    if (path === null) return null;
    words.push(path, ...args);
  }
  return words;
}

const TRIAL_TIMEOUT_MS = 30_000;

function tryCommand([file = "", ...args]: readonly string[]): Promise<number | null> {
  return new Promise((resolve) => {
    execFile(file, args, { env: {}, timeout: TRIAL_TIMEOUT_MS, killSignal: "SIGKILL" }, (error, stdout) => {
      resolve(error === null && /^\d+$/.test(stdout) ? Number(stdout) : null);
    });
  });
}

/** Fixed places, not PATH: the child starts with an empty environment and nobody's PATH is trusted. */
const TOOL_FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];

function findTool(name: string): string | null {
  for (const folder of TOOL_FOLDERS) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return null;
}
