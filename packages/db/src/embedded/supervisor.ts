import { spawn } from "node:child_process";
import { openSync } from "node:fs";

// Stands between the program that started PostgreSQL and the postmaster, which would live on when that program is
// killed. Its stdin is a pipe held open by the starter: the end of the pipe, however it comes, means "stop".
// PostgreSQL stops fast (SIGINT: sessions are cut, a checkpoint is written); if that hangs, at once (SIGQUIT: the next
// start replays the log), and at last by force.

type Order = { command: string; args: string[]; uid?: number; gid?: number; logFile: string; env: Record<string, string> };

const FAST_STOP_MS = 8_000;
const IMMEDIATE_STOP_MS = 3_000;

const order = JSON.parse(process.argv[2] ?? "") as Order;
const log = openSync(order.logFile, "a", 0o600);
const postmaster = spawn(order.command, order.args, {
  cwd: "/",
  env: order.env,
  stdio: ["ignore", log, log],
  ...(order.uid !== undefined && order.gid !== undefined && { uid: order.uid, gid: order.gid }),
});

postmaster.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
postmaster.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));

let isStopping = false;
function stop(): void {
  if (isStopping) return;
  isStopping = true;
  postmaster.kill("SIGINT");
  setTimeout(() => postmaster.kill("SIGQUIT"), FAST_STOP_MS);
  setTimeout(() => postmaster.kill("SIGKILL"), FAST_STOP_MS + IMMEDIATE_STOP_MS);
}

process.stdin.on("end", stop).on("close", stop).on("error", stop).resume();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);
