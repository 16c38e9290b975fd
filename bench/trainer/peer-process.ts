import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

/** What is asked of a peer, a line of JSON each; it answers with one line. `{"refused": why}` is an answer to all of them. */
export type Question =
  /** → `{"name": text}` */
  | { readonly ask: "name" }
  /** `folder` has `batch.json` (see peer-gradients.ts) and files of raw numbers; the peer writes gradients beside them. → `{"loss": number}` */
  | { readonly ask: "gradients"; readonly folder: string }
  /** Makes a network of its own weights with a batch of noise and Adam. → `{"ready": true}` */
  | { readonly ask: "prepare"; readonly network: string; readonly batch: number; readonly threads: number }
  /** Takes steps: `warmUp` that do not count, then for so many seconds, one at least. → `{"ms": numbers, "cpuMs": numbers}`, the time of each step and the processor time of the process meanwhile */
  | { readonly ask: "steps"; readonly seconds: number; readonly warmUp: number };

export type Answer = Readonly<Record<string, unknown>>;

/** Another trainer in a process of its own, told by a command. */
export class PeerProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(command: string) {
    // A process group of its own: the command may start others.
    const child = spawn(command, { shell: true, stdio: ["pipe", "pipe", "inherit"], detached: true });
    this.#child = child;
    this.#reader = createInterface({ input: child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Throws `Error` when the peer ends, refuses or says something else than JSON. */
  async ask(question: Question): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`the peer ended where it was asked for ${question.ask}`);
    const answer = JSON.parse(line.value) as Answer;
    if (answer["refused"] !== undefined) throw new PeerRefusal(String(answer["refused"]));
    return answer;
  }

  close(): void {
    this.#reader.close();
    this.#child.stdin?.end();
    if (this.#child.pid !== undefined && this.#child.exitCode === null) process.kill(-this.#child.pid);
  }
}

/** The peer cannot do what it was asked for. */
export class PeerRefusal extends Error {}
