import type { Running } from "./platform.ts";

/** The one screen after a start. */
export function screenOf(running: Running, version: string): string {
  const order = ["web", "gateway", "worker", "simulator"];
  const parts = running.parts.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const rows: [string, string][] = [
    ["Open", running.url],
    ["Sign in", `${running.signInUrl}  (works once, within 24 hours)`],
    ["", ""],
    ...parts.map(({ name, pid, note }): [string, string] => [name, `pid ${pid ?? "?"}  ${note}`.trimEnd()]),
    ["PostgreSQL", running.databaseDescription],
    ["", ""],
    ["Data", `${running.dataDir}  (credentials.json for scripts, logs/ when something is wrong)`],
    ["A real device", `make a token under Settings, Enrolment; then there: npm run agent -- --server ${running.publicGatewayUrl} --token …`],
    ["Stop", "Ctrl-C"],
    ...running.notes.map((note): [string, string] => ["Note", note]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, text]) => (name ? `  ${name.padEnd(width)}${text}` : ""));
  return ["", `  Flotilla ${version} is running.`, "", ...lines, ""].join("\n");
}
