import { watchProcess } from "@flotilla/db";
import { env } from "../env.ts";
import { platform } from "./db.ts";

/** Requests in hand get this long to finish. */
const STOP_TIMEOUT_MS = 5_000;

/** Checks the settings (all problems at once), says that the app is ready, and watches the program that started it. */
export function startUp(): void {
  const { FLOTILLA_PARENT_PID: parentPid, PUBLIC_URL: publicUrl, HOST: host, PORT: port } = readEnvOrExit();
  platform().log.info({ url: publicUrl ?? `http://${host}:${port}` }, "ready");
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  watchProcess(parentPid, () => process.kill(process.pid, "SIGTERM"));
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
