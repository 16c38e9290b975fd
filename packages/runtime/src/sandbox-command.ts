import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SANDBOX_MARK } from "./sandbox-child.ts";
import type { SandboxLimits } from "./types.ts";

const MIB = 1024 * 1024;

/**
 * Address space that Node itself reserves before it does anything: 1.5 GiB was the least Node 24 started with, so the
 * child's limit is this plus the memory it may use. The watchdog on resident memory is the exact wall, this one the hard one.
 */
const NODE_ADDRESS_SPACE_BYTES = 1_536 * MIB;

/** Largest file the child may write unless the caller says otherwise. */
const FILE_BYTES_DEFAULT = 1_024 * MIB;

/** Seconds between the CPU limit's warning (SIGXCPU, which ends the child) and the kernel's SIGKILL. */
const CPU_GRACE_SECONDS = 1;

/** Flags of the parent without which TypeScript sources would not run in the child. */
const INHERITED_FLAGS = /^--(?:experimental-strip-types|experimental-transform-types|disable-warning=.*)$/;

export type Command = { readonly file: string; readonly args: readonly string[] };

/** The command line of a child: limits by the shell, then privileges and network dropped where the system can, then Node. */
export function sandboxCommand(entry: URL, limits: SandboxLimits): Command {
  const node = [
    process.execPath,
    ...process.execArgv.filter((flag) => INHERITED_FLAGS.test(flag)),
    `--max-old-space-size=${Math.max(64, Math.floor(limits.memoryBytes / MIB))}`,
    fileURLToPath(entry),
    SANDBOX_MARK,
  ];
  if (process.platform === "win32") return { file: node[0] ?? "", args: node.slice(1) };
  return { file: "/bin/sh", args: ["-c", `${ulimits(limits)} exec "$@"`, "sh", ...confinement(), ...node] };
}

/** POSIX units: address space in KiB, files in 512-byte blocks. A limit the system does not know is left to the watchdog. */
function ulimits(limits: SandboxLimits): string {
  const cpuSeconds = Math.max(1, Math.ceil(limits.cpuSeconds));
  const addressKib = Math.ceil((limits.memoryBytes + NODE_ADDRESS_SPACE_BYTES) / 1_024);
  const fileBlocks = Math.ceil((limits.fileBytes ?? FILE_BYTES_DEFAULT) / 512);
  return [
    "ulimit -c 0 2>/dev/null;",
    `ulimit -v ${addressKib} 2>/dev/null;`,
    `ulimit -f ${fileBlocks} 2>/dev/null;`,
    `ulimit -H -t ${cpuSeconds + CPU_GRACE_SECONDS} 2>/dev/null; ulimit -S -t ${cpuSeconds} 2>/dev/null;`,
  ].join(" ");
}

/**
 * `setpriv`: the child gets SIGKILL when the parent dies, even while it is blocked in native code, and can gain no rights.
 * `unshare`: no network. Neither is everywhere, and user namespaces are often forbidden, so the longest chain that works
 * here is found once by trying.
 */
const CHAINS: readonly (readonly (readonly [string, ...string[]])[])[] = [
  [
    ["unshare", "--user", "--map-root-user", "--net", "--"],
    ["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--"],
  ],
  [["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--"]],
];

let workingChain: readonly string[] | undefined;

function confinement(): readonly string[] {
  workingChain ??= findChain();
  return workingChain;
}

function findChain(): readonly string[] {
  if (process.platform !== "linux") return [];
  for (const chain of CHAINS) {
    const words = chain.flatMap(([tool, ...args]) => {
      const path = findTool(tool);
      return path === null ? [] : [path, ...args];
    });
    const [file, ...args] = words;
    if (file === undefined) continue;
    const trial = spawnSync(file, [...args, process.execPath, "--version"], { env: {}, stdio: "ignore", timeout: 10_000 });
    if (trial.status === 0) return words;
  }
  return [];
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
