// Whether memory stays flat: a running platform (npm start) is asked for pages while its devices sync, and the memory of each
// of its programs is read every ten seconds. The first third warms up; what counts is the middle of the second third against the middle of the last.
// node bench/running/memory.ts [launcherPid] [minutes] [requestsPerSecond], in the folder where the platform was started
import { readFileSync, readdirSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { median } from "../load/world.ts";
import { usageOf } from "../world/process-tree.ts";
import { wholeNumbersOfCommandLine } from "../world/whole-numbers.ts";

const { launcherPid, minutes, requestsPerSecond } = wholeNumbersOfCommandLine({ launcherPid: 0, minutes: 30, requestsPerSecond: 2 });
const EVERY_MS = 10_000;
const PATHS = ["/api/v1/overview", "/api/v1/devices?limit=50", "/api/v1/rollouts", "/api/v1/latency?step=60", "/api/v1/models", "/api/v1/health"];
/** A program, and what its command line holds. */
const PROGRAMS = { web: "next", gateway: "apps/gateway", worker: "apps/worker", simulator: "apps/device-sim", PostgreSQL: "postgres" };

const { url, apiKey } = JSON.parse(readFileSync(".flotilla/credentials.json", "utf8")) as { url: string; apiKey: string };
const pids = findPrograms(launcherPid);
const samples = new Map(Object.keys(pids).map((name) => [name, [] as number[]]));
const endsAtMs = Date.now() + minutes * 60_000;
const answers = { ok: 0, other: 0 };
const asking = askForPages();
while (Date.now() < endsAtMs) {
  for (const [name, pid] of Object.entries(pids)) samples.get(name)?.push(usageOf(pid).rssBytes / 2 ** 20);
  await delay(EVERY_MS);
}
await asking;
console.log(`${minutes} minutes, ${answers.ok} pages answered, ${answers.other} refused; load average ${loadavg()[0]?.toFixed(1)}`);
console.log("program       second third   last third   change   highest  (MiB, shared memory counted once)");
for (const [name, values] of samples) {
  const third = Math.floor(values.length / 3);
  const [before, after] = [median(values.slice(third, 2 * third)), median(values.slice(2 * third))];
  console.log(`${name.padEnd(12)}  ${before.toFixed(0).padStart(12)}  ${after.toFixed(0).padStart(11)}  ${`${(((after - before) / before) * 100).toFixed(1)} %`.padStart(7)}  ${Math.max(...values).toFixed(0).padStart(8)}`);
}

async function askForPages(): Promise<void> {
  for (let n = 0; Date.now() < endsAtMs; n += 1) {
    const path = PATHS[n % PATHS.length] ?? "";
    const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${apiKey}` } });
    await answer.arrayBuffer();
    answers[answer.ok ? "ok" : "other"] += 1;
    await delay(1_000 / requestsPerSecond);
  }
}

/** The programs that the launcher started, by name. */
function findPrograms(launcher: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)) {
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const name = parent === launcher ? Object.entries(PROGRAMS).find(([, part]) => command.includes(part))?.[0] : undefined;
      if (name !== undefined) found[name] = pid;
    } catch {
      // It ended in between.
    }
  }
  if (Object.keys(found).length === 0) throw new Error(`process ${launcher} started none of ${Object.keys(PROGRAMS).join(", ")}`);
  return found;
}
