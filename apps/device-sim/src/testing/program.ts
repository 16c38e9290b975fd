import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";

/** The command-line program in a process of its own. */
export type Program = {
  readonly process: ChildProcess;
  output(): string;
  errors(): string;
  readonly exited: Promise<number | null>;
  /** The JSON log line with this message, once it was printed; rejects when the program ends before. */
  line(msg: string): Promise<Record<string, unknown>>;
};

/** Starts `cli.ts` with these arguments; it ends with this test process at the latest. */
export function startProgram(args: readonly string[], env: Record<string, string> = {}): Program {
  const cli = join(import.meta.dirname, "../cli.ts");
  const child = spawn(process.execPath, [cli, ...args], { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, FLOTILLA_PARENT_PID: String(process.pid), ...env } });
  let output = "";
  let errors = "";
  let looks: (() => void)[] = [];
  const look = (): void => {
    for (const wake of looks.splice(0)) wake();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    look();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  let ended = false;
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => {
    ended = true;
    look();
    resolve(code);
  }));
  return {
    process: child,
    output: () => output,
    errors: () => errors,
    exited,
    async line(msg) {
      for (;;) {
        const found = output.split("\n").find((text) => text.includes(`"msg":${JSON.stringify(msg)}`));
        if (found !== undefined) return JSON.parse(found) as Record<string, unknown>;
        if (ended) throw new Error(`the program ended without "${msg}":\n${output}\n${errors}`);
        await new Promise<void>((resolve) => (looks = [...looks, resolve]));
      }
    },
  };
}
