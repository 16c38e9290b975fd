import { readdirSync, readFileSync } from "node:fs";

/**
 * kill -9 of a process and all below it, at one moment: the tree is stopped from the top first, so that nobody below starts anything new while the list is made. Killing the top
 * alone would prove nothing: what is below would live on and finish its work. Answers how many processes that were.
 */
export function killTree(root: number): number {
  const pids = freezeTree(root);
  for (const pid of pids) signal(pid, "SIGKILL");
  return pids.length;
}

function freezeTree(root: number): number[] {
  const frozen: number[] = [];
  const pending = [root];
  for (let pid = pending.shift(); pid !== undefined; pid = pending.shift()) {
    signal(pid, "SIGSTOP");
    frozen.push(pid);
    pending.push(...childrenOf(pid));
  }
  return frozen;
}

export function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

/** Of one that has ended and waits to be reaped: none. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
