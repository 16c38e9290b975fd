import { spawn } from "node:child_process";
import type { Write } from "./testing/lane-output.ts";

export type StepResult = { isOk: boolean; seconds: number; output: string };

/**
 * Runs a program with this Node, shows what it prints (or hands it to `write`), and keeps it. Never throws: a program that cannot be started is
 * a failed step. Passes Ctrl-C on by being in the same terminal group.
 */
export function runStep(args: readonly string[], options: { cwd: string; env?: Record<string, string>; isQuiet?: boolean; program?: string; write?: Write | undefined }): Promise<StepResult> {
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
    const end = (isOk: boolean): void =>
      resolve({ isOk, seconds: (performance.now() - startedAtMs) / 1000, output: Buffer.concat(chunks).toString() });
    child.on("error", (error) => {
      chunks.push(Buffer.from(error.message));
      end(false);
    });
    child.on("close", (code) => end(code === 0));
  });
}
