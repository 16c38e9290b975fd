import { join } from "node:path";
import { watchProcess } from "@flotilla/db/setup";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import { parseOptions, USAGE, type LauncherOptions } from "./launcher/options.ts";
import { Platform } from "./launcher/platform.ts";
import { Refusal } from "./launcher/refusal.ts";
import { screenOf } from "./launcher/screen.ts";

const ROOT = join(import.meta.dirname, "..");

await main();

async function main(): Promise<void> {
  try {
    const options = parseOptions(process.argv.slice(2), process.cwd());
    if (options === "help") console.log(USAGE);
    else await run(options);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(`\n${error.message}`);
    process.exit(1);
  }
}

async function run(options: LauncherOptions): Promise<void> {
  const platform = new Platform(ROOT, options, (sentence) => console.log(sentence));
  let stopping: Promise<void> | undefined;
  const stop = (reason: string): void => {
    if (stopping) {
      platform.kill();
      process.exit(130);
    }
    console.log(`\n${reason}`);
    stopping = platform.stop().then(() => {
      console.log("Stopped.");
      process.exit(0);
    });
  };
  process.on("SIGINT", () => stop("Stopping … (Ctrl-C again: at once)"));
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop("Stopping …"));
  // scripts/bootstrap.mjs names itself: when it is killed, nobody could stop us any more.
  watchProcess(Number(process.env["FLOTILLA_PARENT_PID"]) || undefined, () => stop("The program that started this one is gone; stopping …"));
  try {
    const running = await platform.start();
    if (!stopping) console.log(screenOf(running, FLOTILLA_VERSION));
  } catch (error) {
    if (stopping) return;
    await platform.stop();
    throw error;
  }
}
