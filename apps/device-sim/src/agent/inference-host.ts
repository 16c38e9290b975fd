import { fork, type ChildProcess } from "node:child_process";
import type { HostAnswer, HostRequest, HostResult } from "./inference-messages.ts";
import { ModelFailure, type Loss } from "./model.ts";

type RequestBody = HostRequest extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

type Pending = {
  readonly id: number;
  readonly session: number | null;
  resolve(result: HostResult): void;
  reject(error: ModelFailure): void;
};

/** A call that takes longer than this has hung the process: it is killed, and the call's model is to blame. */
const CALL_TIMEOUT_MS = 120_000;

/**
 * The agent's side of the inference process: starts it when first needed and again after it died. One call at a time is worked on,
 * in order, so when it dies the oldest open call names the guilty model.
 */
export class InferenceHost {
  #child: ChildProcess | null = null;
  #nextId = 1;
  #pending: Pending[] = [];
  #watchdog: NodeJS.Timeout | null = null;
  #losses = new Map<number, (loss: Loss) => void>();
  #rssBytes = 0;
  #closed = false;

  /** Rejects with `ModelFailure`. */
  async call<K extends HostResult["kind"]>(body: RequestBody, expected: K): Promise<Extract<HostResult, { kind: K }>> {
    const result = await this.#send(body);
    if (result.kind !== expected) throw new ModelFailure("crash", `the inference process answered ${result.kind} to ${body.kind}`);
    return result as Extract<HostResult, { kind: K }>;
  }

  /** Calls `onLoss` once if the process dies while `session` is in it. */
  watch(session: number, onLoss: (loss: Loss) => void): void {
    this.#losses.set(session, onLoss);
  }

  unwatch(session: number): void {
    this.#losses.delete(session);
  }

  /** As the process last said; 0 when none runs. */
  get rssBytes(): number {
    return this.#child === null ? 0 : this.#rssBytes;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends the process. Open calls reject. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#losses.clear();
    const child = this.#child;
    if (child === null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await gone;
  }

  #send(body: RequestBody): Promise<HostResult> {
    if (this.#closed) return Promise.reject(new ModelFailure("crash", "the inference process was stopped"));
    const child = this.#running();
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#pending.push({ id, session: "session" in body ? body.session : null, resolve, reject });
      if (this.#pending.length === 1) this.#watchHead();
      child.send({ ...body, id } satisfies HostRequest, (error) => {
        if (error !== null) child.kill("SIGKILL");
      });
    });
  }

  #running(): ChildProcess {
    if (this.#child !== null) return this.#child;
    const child = fork(new URL("./inference-host-main.ts", import.meta.url), [], { serialization: "advanced", execArgv: [], env: childEnvironment(), stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString("utf8")).slice(-STDERR_TAIL_CHARACTERS);
    });
    child.on("message", (message) => this.#answered(message as HostAnswer));
    child.once("exit", (code, signal) => this.#died(signal ?? `exit code ${code}`, stderr));
    child.once("error", (error) => this.#died(error.message, stderr));
    this.#child = child;
    return child;
  }

  #answered(answer: HostAnswer): void {
    this.#rssBytes = answer.rssBytes;
    const at = this.#pending.findIndex((call) => call.id === answer.id);
    const [call] = at === -1 ? [] : this.#pending.splice(at, 1);
    this.#watchHead();
    if (answer.ok) call?.resolve(answer.result);
    else call?.reject(new ModelFailure(answer.failure, answer.detail));
  }

  #watchHead(): void {
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#watchdog = this.#pending.length === 0 ? null : setTimeout(() => this.#child?.kill("SIGKILL"), CALL_TIMEOUT_MS);
  }

  #died(how: string, stderr: string): void {
    if (this.#child === null) return;
    this.#child = null;
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#watchdog = null;
    const calls = this.#pending.splice(0);
    const guilty = calls[0]?.session ?? null;
    const detail = `the inference process ended (${how})${stderr === "" ? "" : `: ${stderr.trim()}`}`;
    const watchers = [...this.#losses];
    this.#losses.clear();
    for (const call of calls) call.reject(new ModelFailure("crash", detail));
    for (const [session, onLoss] of watchers) onLoss({ guilty: session === guilty, detail });
  }
}

const STDERR_TAIL_CHARACTERS = 500;

/** Nothing of ours goes into a process that runs uploaded models, except where programs are found. */
function childEnvironment(): NodeJS.ProcessEnv {
  const environment: Record<string, string> = {};
  if (process.platform === "win32") environment.SystemRoot = "C:\\Windows";
  return environment as NodeJS.ProcessEnv;
}
