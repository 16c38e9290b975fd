import type { FleetNumbers, Quantiles } from "./fleet/fleet-stats.ts";

const count = (n: number): string => Math.round(n).toLocaleString("en-US");
const ms = (n: number | null): string => (n === null ? "–" : n < 10 ? n.toFixed(2) : n < 100 ? n.toFixed(1) : count(n));
const of = ({ p50, p95, p99, max }: Quantiles): string => `p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${ms(p99)}  max ${ms(max)} ms`;

/** One line for people, every few seconds. */
export function progressLine(n: FleetNumbers): string {
  const errors = Object.values(n.errors).reduce((sum, one) => sum + one, 0);
  return (
    `${count(n.online)} of ${count(n.devices)} online, ${n.syncsPerSecond.toFixed(n.syncsPerSecond < 100 ? 1 : 0)} syncs/s, p99 ${ms(n.syncLatencyMs.p99)} ms, errors ${count(errors)}, ` +
    `installs ${count(n.installs.succeeded)} ok ${count(n.installs.failed)} failed ${count(n.installs.rolledBack)} rolled back, windows ${count(n.windows.acked)} acked of ${count(n.windows.produced)}, ` +
    `${n.process.cpuPercent.toFixed(0)} % CPU, ${count(n.process.rssBytes / 2 ** 20)} MiB`
  );
}

/** The table at the end. Latencies are what the devices saw, the simulated network included. */
export function summaryOf(n: FleetNumbers): string {
  const seconds = Math.max(n.elapsedMs / 1_000, 1e-3);
  const counts = (all: Readonly<Record<string, number>>): string =>
    Object.entries(all).toSorted((a, b) => b[1] - a[1]).map(([kind, times]) => `${kind} ${count(times)}`).join(", ");
  const rows: [string, string][] = [
    ["devices", `${count(n.devices)}, ${count(n.enrolled)} enrolled, ${count(n.online)} online at the end, ${seconds.toFixed(1)} s`],
    ["syncs", `${count(n.syncs)}, ${(n.syncs / seconds).toFixed(1)}/s`],
    ["sync latency", of(n.syncLatencyMs)],
    ["errors", counts(n.errors) || "none"],
    ["power cuts", count(n.crashes)],
    ["installs", `${count(n.installs.succeeded)} succeeded, ${count(n.installs.failed)} failed, ${count(n.installs.rolledBack)} rolled back${counts(n.installs.byFailure) === "" ? "" : ` (${counts(n.installs.byFailure)})`}`],
    ["artifacts", `${count(n.artifacts.fetched)} fetched and verified, ${(n.artifacts.bytes / 1e6).toFixed(1)} MB`],
    ["latency windows", `${count(n.windows.produced)} produced, ${count(n.windows.acked)} acknowledged, ${count(n.windows.dropped)} declared dropped, ${count(n.windows.waiting)} waiting`],
    ["inferences", `${count(n.inferences.count)}, ${count(n.inferences.errors)} failed; simulated ${of(n.inferences.latencyMs)}`],
    ["this process", `${n.process.cpuSeconds.toFixed(1)} s of CPU, ${count(n.process.rssBytes / 2 ** 20)} MiB resident${n.syncs === 0 ? "" : `, ${Math.round((n.process.cpuSeconds / n.syncs) * 1e6)} us of CPU per sync (all work)`}`],
  ];
  return rows.map(([name, text]) => `  ${name.padEnd(16)}${text}`).join("\n");
}
