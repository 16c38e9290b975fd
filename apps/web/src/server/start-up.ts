import { env } from "../env.ts";
import { platform } from "./db.ts";

const PARENT_POLL_MS = 1_000;

/** Requests in hand get this long to finish. */
const STOP_TIMEOUT_MS = 5_000;

/** Checks the settings (all problems at once), says that the app is ready, and watches the program that started it. */
export function startUp(): void {
  const { FLOTILLA_PARENT_PID: parentPid, PUBLIC_URL: publicUrl, HOST: host, PORT: port } = readEnvOrExit();
  platform().log.info({ url: publicUrl ?? `http://${host}:${port}` }, "ready");
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  if (parentPid !== undefined) endWithParent(parentPid);
}

/** Next closes its server and waits for what is open; streams of changes would stay open for ever. */
function stop(): void {
  setTimeout(() => process.exit(0), STOP_TIMEOUT_MS).unref();
  void platform().hub.close();
}

function readEnvOrExit(): ReturnType<typeof env> {
  try {
    return env();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}

function endWithParent(parentPid: number): void {
  // A direct child hears of it from its own parent id: the number of a dead process may soon belong to another one.
  const isDirectChild = process.ppid === parentPid;
  const timer = setInterval(() => {
    try {
      if (isDirectChild && process.ppid !== parentPid) throw Object.assign(new Error("another process is our parent now"), { code: "ESRCH" });
      process.kill(parentPid, 0);
    } catch (error) {
      // EPERM: it lives, under another user.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") return;
      clearInterval(timer);
      process.kill(process.pid, "SIGTERM");
    }
  }, PARENT_POLL_MS);
  timer.unref();
}
