import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { readProcessMemory } from "./process-memory.ts";
import type { ChildMessage } from "./sandbox-child.ts";
import { MESSAGE_FD } from "./sandbox-child.ts";
import type { Command } from "./sandbox-command.ts";
import { sandboxCommand } from "./sandbox-command.ts";
import type { SandboxOutcome, SandboxRequest } from "./types.ts";

/** How often resident memory is looked at. The limit on writable memory catches what grows faster than that. */
const WATCH_INTERVAL_MS = 25;
/** Kept of the child's stderr, for crash reports. */
const STDERR_TAIL_BYTES = 4_096;
/** Bytes of one progress message beside `outputBytes`. */
const LINE_SLACK_BYTES = 64 * 1024;

/**
 * Runs `entry` in a child process that can be killed without loss: empty environment, a private empty directory, bounded
 * memory, CPU and wall time, no network where the system allows, nothing shared with this process but three pipes. Whatever the child does, the answer is
 * one of the outcomes; this function throws only when the private directory cannot be made. No child outlives the call.
 *
 * The output is what the child claims: parse it like any other input.
 */
export async function runInSandbox<TIn, TOut>(request: SandboxRequest<TIn>): Promise<SandboxOutcome<TOut>> {
  if (request.signal?.aborted === true) return { kind: "cancelled" };
  const parent = request.workDir ?? tmpdir();
  await sweepAbandoned(parent);
  const directory = await mkdtemp(join(parent, `${DIRECTORY_PREFIX}${process.pid}-`));
  try {
    const command = await sandboxCommand(request.entry, request.limits);
    return await new SandboxRun<TIn, TOut>(request, command, directory).outcome;
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Why we ended the child, when we did. */
type Verdict = "cancelled" | "timeout" | "out_of_memory" | "output_too_large";

class SandboxRun<TIn, TOut> {
  readonly outcome: Promise<SandboxOutcome<TOut>>;
  readonly #request: SandboxRequest<TIn>;
  readonly #startedAt = performance.now();
  readonly #child: ChildProcess;
  readonly #timers: NodeJS.Timeout[] = [];
  #verdict: Verdict | null = null;
  #message: Exclude<ChildMessage, { type: "progress" }> | null = null;
  #peakRssBytes = 0;
  #line: Buffer[] = [];
  #lineBytes = 0;
  #stderr = "";

  constructor(request: SandboxRequest<TIn>, command: Command, directory: string) {
    this.#request = request;
    this.#child = spawn(command.file, command.args, {
      cwd: directory,
      env: childEnvironment(directory),
      // Its own process group, so that one signal reaches all of it.
      detached: true,
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      windowsHide: true,
    });
    this.outcome = this.#watch();
  }

  async #watch(): Promise<SandboxOutcome<TOut>> {
    const child = this.#child;
    const { limits, signal } = this.#request;
    const onAbort = () => this.#end("cancelled");
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#timers.push(setTimeout(() => this.#end("timeout"), limits.wallMs));
    this.#timers.push(setInterval(() => this.#checkMemory(), WATCH_INTERVAL_MS));
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("latin1")).slice(-STDERR_TAIL_BYTES);
    });
    const channel = child.stdio[MESSAGE_FD] as Readable;
    channel.on("data", (chunk: Buffer) => this.#receive(chunk));
    // A child that dies before it reads its input breaks these pipes; the exit says why.
    for (const stream of [child.stdin, child.stderr, channel]) stream?.on("error", () => undefined);
    child.stdin?.write(`${JSON.stringify(this.#request.input)}\n`);
    const exit = await new Promise<Exit>((resolve) => {
      child.once("error", (error) => resolve({ spawnError: error, code: null, signal: null }));
      child.once("close", (code, exitSignal) => resolve({ spawnError: null, code, signal: exitSignal }));
    });
    for (const timer of this.#timers) clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    this.#killGroup();
    return this.#judge(exit);
  }

  #end(verdict: Verdict): void {
    if (this.#message === null) this.#verdict ??= verdict;
    this.#killGroup();
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (process.platform === "win32") this.#child.kill("SIGKILL");
      else process.kill(-pid, "SIGKILL");
    } catch {
      // The group is gone already.
    }
  }

  #checkMemory(): void {
    const { pid } = this.#child;
    const memory = pid === undefined ? null : readProcessMemory(pid);
    if (memory === null) return;
    this.#peakRssBytes = Math.max(this.#peakRssBytes, memory.peakRssBytes);
    if (memory.rssBytes > this.#request.limits.memoryBytes) this.#end("out_of_memory");
  }

  /** Collects lines; no line may grow past what the caller is ready to take. */
  #receive(chunk: Buffer): void {
    let rest = chunk;
    for (let newline = rest.indexOf(10); newline !== -1; newline = rest.indexOf(10)) {
      this.#line.push(rest.subarray(0, newline));
      this.#accept(Buffer.concat(this.#line).toString("utf8"));
      this.#line = [];
      this.#lineBytes = 0;
      rest = rest.subarray(newline + 1);
    }
    this.#line.push(rest);
    this.#lineBytes += rest.byteLength;
    if (this.#lineBytes > this.#request.limits.outputBytes + LINE_SLACK_BYTES) {
      this.#line = [];
      this.#end("output_too_large");
    }
  }

  #accept(line: string): void {
    if (this.#message !== null || this.#verdict !== null) return;
    const message = parseMessage(line);
    if (message.type === "progress") {
      this.#passOn(message.value);
      return;
    }
    if (line.length > this.#request.limits.outputBytes) return this.#end("output_too_large");
    this.#message = message;
    this.#checkMemory();
    // Its work is done: what teardown could still do (and native teardown can crash) is of no interest.
    this.#killGroup();
  }

  /** The caller's callback runs on the child's words: if it cannot take them, this run fails and not this process. */
  #passOn(value: unknown): void {
    try {
      this.#request.onProgress?.(value);
    } catch (error) {
      this.#message = { type: "failed", code: "progress_refused", message: error instanceof Error ? error.message : String(error) };
      this.#killGroup();
    }
  }

  #judge(exit: Exit): SandboxOutcome<TOut> {
    const message = this.#message;
    if (message?.type === "ok") {
      const { output, cpuMs } = message;
      const peakRssBytes = Math.max(this.#peakRssBytes, message.peakRssBytes);
      return { kind: "ok", output: output as TOut, peakRssBytes, cpuMs, wallMs: performance.now() - this.#startedAt };
    }
    if (message !== null) {
      const { code, message: text } = message;
      return OUT_OF_MEMORY.test(text) ? { kind: "out_of_memory" } : { kind: "failed", code, message: text };
    }
    switch (this.#verdict) {
      case "cancelled":
      case "timeout":
      case "out_of_memory":
        return { kind: this.#verdict };
      case "output_too_large":
        return { kind: "failed", code: "output_too_large", message: `the child's output is larger than ${this.#request.limits.outputBytes} bytes` };
      default:
        return this.#judgeExit(exit);
    }
  }

  #judgeExit(exit: Exit): SandboxOutcome<TOut> {
    if (exit.spawnError !== null) return { kind: "failed", code: "spawn_failed", message: exit.spawnError.message };
    if (exit.signal === "SIGXCPU") return { kind: "cpu_exceeded" };
    const nearLimit = this.#peakRssBytes > this.#request.limits.memoryBytes * 0.9;
    if (OUT_OF_MEMORY.test(this.#stderr) || (exit.signal === "SIGKILL" && nearLimit)) return { kind: "out_of_memory" };
    return { kind: "crashed", signal: exit.signal, exitCode: exit.code, stderrTail: this.#stderr };
  }
}

type Exit = { readonly spawnError: Error | null; readonly code: number | null; readonly signal: string | null };

/** Whatever the line is, the answer has one of the three forms. */
function parseMessage(line: string): ChildMessage {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    parsed = null;
  }
  const fields: Readonly<Record<string, unknown>> = typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  // String() and Number() would call a `toString` that the child brings along.
  const text = (key: string) => (typeof fields[key] === "string" ? fields[key] : "unknown");
  const number = (key: string) => (typeof fields[key] === "number" ? fields[key] : 0);
  switch (fields["type"]) {
    case "progress":
      return { type: "progress", value: fields["value"] };
    case "ok":
      return { type: "ok", output: fields["output"], cpuMs: number("cpuMs"), peakRssBytes: number("peakRssBytes") };
    case "failed":
      return { type: "failed", code: text("code"), message: text("message") };
    default:
      return { type: "failed", code: "protocol", message: "the child sent something that is not a message" };
  }
}

/** The words of Node, the C++ library and ONNX Runtime for "no memory left". */
const OUT_OF_MEMORY = /out of memory|bad_alloc|Array buffer allocation failed|Failed to allocate memory|Cannot allocate memory|ENOMEM/i;

/** Nothing of ours: keys and addresses of the parent must not be there to be stolen. */
function childEnvironment(directory: string): NodeJS.ProcessEnv {
  const environment: Record<string, string> = { TMPDIR: directory, HOME: directory };
  if (process.platform === "win32") Object.assign(environment, { TEMP: directory, SystemRoot: "C:\\Windows" });
  return environment as NodeJS.ProcessEnv;
}

const DIRECTORY_PREFIX = "flotilla-sandbox-";
/** Only a killed parent leaves its directory behind; a day is longer than any job may take. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;
const swept = new Set<string>();

/** Removes, once per process and place, what parents that were killed have left. */
async function sweepAbandoned(parent: string): Promise<void> {
  if (swept.has(parent)) return;
  swept.add(parent);
  for (const name of await readdir(parent)) {
    if (!name.startsWith(DIRECTORY_PREFIX)) continue;
    const path = join(parent, name);
    const status = await stat(path).catch(() => null);
    if (status !== null && Date.now() - status.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}
