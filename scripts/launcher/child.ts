import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Refusal } from "./refusal.ts";
import { RotatingLog } from "./rotating-log.ts";

export type ChildSpec = {
  name: string;
  args: readonly string[];
  env: Record<string, string>;
  cwd: string;
  logFile: string;
  /** Resolves true when the child serves. Asked again and again while it runs. */
  isReady: (output: string) => boolean | Promise<boolean>;
  /** Told what the person at the terminal should know. */
  say: (sentence: string) => void;
};

const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 100;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** A child that ran so long was well: its next crash is a new story. */
const WELL_AFTER_MS = 60_000;
const TAIL_BYTES = 16_384;

/** One program of the platform: started, waited for, started again when it dies, stopped. */
export class Child {
  readonly spec: ChildSpec;
  readonly #log: RotatingLog;
  readonly #stopping = new AbortController();
  #process: ChildProcess | undefined;
  #output = "";
  #startedAtMs = 0;
  #backoffMs = FIRST_BACKOFF_MS;

  constructor(spec: ChildSpec) {
    this.spec = spec;
    this.#log = new RotatingLog(spec.logFile);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it and waits until it serves. Throws Refusal with the end of its log when it dies first. */
  async start(): Promise<void> {
    const child = this.#spawn();
    const giveUpAtMs = performance.now() + READY_TIMEOUT_MS;
    while (!(await this.spec.isReady(this.#output))) {
      if (this.#stopping.signal.aborted) return;
      if (hasEnded(child)) throw new Refusal(`${this.spec.name} ended before it was ready (${endOf(child)}). From ${this.spec.logFile}:\n${this.#tail()}`);
      if (performance.now() > giveUpAtMs) throw new Refusal(`${this.spec.name} was not ready after ${READY_TIMEOUT_MS / 1000} s. From ${this.spec.logFile}:\n${this.#tail()}`);
      await delay(READY_POLL_MS);
    }
    void this.#keepAlive();
  }

  /** Asks it to end, and ends it after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    const child = this.#process;
    if (child && !hasEnded(child)) {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await gone;
      clearTimeout(timer);
    }
    this.#log.close();
  }

  /** At once, without asking. */
  kill(): void {
    this.#stopping.abort();
    this.#process?.kill("SIGKILL");
  }

  async #keepAlive(): Promise<void> {
    for (;;) {
      const child = this.#process;
      if (child && !hasEnded(child)) await once(child, "exit");
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - this.#startedAtMs > WELL_AFTER_MS) this.#backoffMs = FIRST_BACKOFF_MS;
      const reason = child ? endOf(child) : "not started";
      this.spec.say(`${this.spec.name} stopped (${reason}); starting it again in ${this.#backoffMs / 1000} s. Log: ${this.spec.logFile}`);
      await delay(this.#backoffMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
      this.#spawn();
    }
  }

  #spawn(): ChildProcess {
    const { args, env, cwd } = this.spec;
    this.#output = "";
    this.#startedAtMs = performance.now();
    // A group of its own: Ctrl-C at the terminal reaches the launcher only, which then stops the parts in order.
    const child = spawn(process.execPath, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const take = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-TAIL_BYTES);
      if (!this.#stopping.signal.aborted) this.#log.write(chunk);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => take(Buffer.from(`${error.message}\n`)));
    this.#process = child;
    return child;
  }

  #tail(): string {
    return this.#output.trim().split("\n").slice(-15).join("\n");
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

function endOf(child: ChildProcess): string {
  return child.signalCode ? `by ${child.signalCode}` : `code ${child.exitCode ?? "?"}`;
}

/** True when the program has printed its one line that says so (JSON with "msg":"ready"). */
export function saidReady(output: string): boolean {
  return output.includes('"msg":"ready"');
}
