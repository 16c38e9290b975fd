import { rmSync } from "node:fs";
import { Socket } from "node:net";

/** Where the child hands its messages to the parent; stdin brings the input, stderr is kept for crash reports. */
export const MESSAGE_FD = 3;
/** Last argument of the child's command line, so that an entry module started by hand says so instead of hanging. */
export const SANDBOX_MARK = "flotilla-sandbox-child";

/** What travels from child to parent, one JSON text per line. */
export type ChildMessage =
  | { readonly type: "progress"; readonly value: unknown }
  | { readonly type: "ok"; readonly output: unknown; readonly cpuMs: number; readonly peakRssBytes: number }
  | { readonly type: "failed"; readonly code: string; readonly message: string };

export type SandboxContext = {
  /** Hands a JSON value to `onProgress` of the parent. */
  readonly progress: (value: unknown) => void;
};

const MESSAGE_CHARACTERS_MAX = 2_000;

/**
 * The whole body of an entry module of `runInSandbox`: receives the input, hands back the output, ends the process. The
 * child dies as soon as its stdin closes, which it does when the parent is gone.
 */
export function sandboxMain<TIn, TOut>(run: (input: TIn, context: SandboxContext) => Promise<TOut>): void {
  if (process.argv.at(-1) !== SANDBOX_MARK) throw new Error("this module is an entry of runInSandbox and does nothing by itself");
  const channel = new Socket({ fd: MESSAGE_FD, readable: false, writable: true });
  channel.on("error", () => leave());
  const send = (message: ChildMessage, sent?: () => void) => channel.write(`${JSON.stringify(message)}\n`, () => sent?.());
  const context: SandboxContext = { progress: (value) => send({ type: "progress", value }) };
  readInput<TIn>()
    .then((input) => run(input, context))
    .then(
      (output) => {
        const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
        send({ type: "ok", output, cpuMs: (userCPUTime + systemCPUTime) / 1_000, peakRssBytes: maxRSS * 1_024 }, () => process.exit(0));
      },
      (error: unknown) => send({ type: "failed", ...describe(error) }, () => process.exit(0)),
    )
    // Only a result that JSON cannot hold comes here.
    .catch((error: unknown) => send({ type: "failed", ...describe(error) }, () => process.exit(0)));
}

function readInput<TIn>(): Promise<TIn> {
  return new Promise((resolve, reject) => {
    let text = "";
    process.stdin.setEncoding("utf8");
    process.stdin.on("data", (chunk: string) => {
      text += chunk;
      if (!chunk.includes("\n")) return;
      try {
        resolve(JSON.parse(text) as TIn);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    process.stdin.on("end", leave);
    process.stdin.on("error", leave);
  });
}

/** The parent is gone: nobody else will remove the private directory. */
function leave(): never {
  rmSync(process.cwd(), { recursive: true, force: true });
  process.exit(1);
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_CHARACTERS_MAX);
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "error";
  return { code, message };
}
