import { spawn } from "node:child_process";
import type { Write } from "./testing/lane-output.ts";

export type StepResult = { isOk: boolean; seconds: number; output: string };

export type StepOptions = {
  readonly cwd: string;
  readonly env?: Record<string, string>;
  readonly isQuiet?: boolean;
  readonly program?: string;
  readonly write?: Write | undefined;
  /** A program that takes longer hangs: it is told to end (SIGINT), half a minute later made to, and the step has failed. None by default. */
  readonly limitMs?: number;
};

const ENDS_WITHIN_MS = 30_000;

/**
 * Runs a program with this Node, shows what it prints (or hands it to `write`), and keeps it. Never throws: a program that cannot be started is
 * a failed step. Passes Ctrl-C on by being in the same terminal group.
 */
export function runStep(args: readonly string[], options: StepOptions): Promise<StepResult> {
  const startedAtMs = performance.now();
  return new Promise((resolve) => {
    const child = spawn(options.program ?? process.execPath, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ["inherit", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    const take = (to: NodeJS.WriteStream) => (chunk: Buffer) => {
      chunks.push(chunk);
      if (options.write) options.write(chunk);
      else if (!options.isQuiet) to.write(chunk);
    };
    child.stdout.on("data", take(process.stdout));
    child.stderr.on("data", take(process.stderr));
    const timers: NodeJS.Timeout[] = [];
    let wasLate = false;
    const end = (isOk: boolean): void => {
      for (const timer of timers) clearTimeout(timer);
      resolve({ isOk, seconds: (performance.now() - startedAtMs) / 1000, output: Buffer.concat(chunks).toString() });
    };
    if (options.limitMs !== undefined) {
      timers.push(setTimeout(() => {
        wasLate = true;
        take(process.stderr)(Buffer.from(`\n${args.join(" ")} did not end within ${(options.limitMs ?? 0) / 60_000} min: ended by force.\n`));
        child.kill("SIGINT");
        timers.push(setTimeout(() => {
          child.kill("SIGKILL");
          // Whatever it had started may hold its output open for ever.
          child.stdout.destroy();
          child.stderr.destroy();
        }, ENDS_WITHIN_MS));
      }, options.limitMs));
    }
    child.on("error", (error) => {
      chunks.push(Buffer.from(error.message));
      end(false);
    });
    child.on("close", (code) => end(code === 0 && !wasLate));
  });
}
