import { env } from "../env.ts";
import { platform } from "./db.ts";

const PARENT_POLL_MS = 1_000;

/** Checks the settings (all problems at once), says that the app is ready, and watches the program that started it. */
export function startUp(): void {
  const { FLOTILLA_PARENT_PID: parentPid, PUBLIC_URL: publicUrl } = readEnvOrExit();
  platform().log.info({ url: publicUrl ?? null }, "ready");
  if (parentPid !== undefined) endWithParent(parentPid);
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
  const timer = setInterval(() => {
    try {
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
