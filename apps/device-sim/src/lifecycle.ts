import type { Logger } from "pino";

/** How long a clean stop may take before the process ends anyway. */
const STOP_LIMIT_MS = 5_000;
const PARENT_LOOK_MS = 1_000;

/**
 * Ends the process cleanly on SIGTERM, SIGINT, or when the parent process named in the environment is gone: `stop` is called once and
 * has five seconds.
 */
export function endCleanly(options: { log: Logger; parentPid: number | undefined; stop: () => Promise<void> }): void {
  const { log, parentPid, stop } = options;
  let ending = false;
  const end = (why: string): void => {
    if (ending) return;
    ending = true;
    log.info({ why }, "stopping");
    setTimeout(() => {
      log.error("the stop took too long");
      process.exit(1);
    }, STOP_LIMIT_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: String(error) }, "the stop failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", () => end("SIGTERM"));
  process.on("SIGINT", () => end("SIGINT"));
  if (parentPid !== undefined) {
    // A direct child hears of it from its own parent id: the number of a dead process may soon belong to another one.
    const isDirectChild = process.ppid === parentPid;
    setInterval(() => {
      if ((isDirectChild && process.ppid !== parentPid) || !isAlive(parentPid)) end("the parent process is gone");
    }, PARENT_LOOK_MS).unref();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
