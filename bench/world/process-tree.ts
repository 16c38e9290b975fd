import { readFileSync, readdirSync } from "node:fs";

// What processes take, from /proc: CPU and memory of one process and everything below it. Linux only.

const TICKS_PER_SECOND = 100;
export type Usage = { cpuSeconds: number; rssBytes: number };

type Stat = { pid: number; parent: number; ownTicks: number; reapedTicks: number };

function stats(): Stat[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    const text = read(`/proc/${name}/stat`);
    if (text === "") return [];
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
    return { pid: Number(name), parent: fields[1] ?? 0, ownTicks: (fields[11] ?? 0) + (fields[12] ?? 0), reapedTicks: (fields[13] ?? 0) + (fields[14] ?? 0) };
  });
}

/** CPU so far (children that have ended included) and memory now; memory that processes share counts once. */
export function usageOf(pid: number): Usage {
  const all = stats();
  const below = new Set([pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const stat of all) {
      if (below.has(stat.pid) || !below.has(stat.parent)) continue;
      below.add(stat.pid);
      grew = true;
    }
  }
  const tree = all.filter((stat) => below.has(stat.pid));
  return {
    cpuSeconds: tree.reduce((sum, stat) => sum + stat.ownTicks + stat.reapedTicks, 0) / TICKS_PER_SECOND,
    rssBytes: tree.reduce((sum, stat) => sum + proportionalBytes(stat.pid), 0),
  };
}

function proportionalBytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It ended in between, or is not ours to look at.
    return "";
  }
}
