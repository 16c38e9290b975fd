// A client of /api/v1/runner, to read and to copy: Node 24, nothing else. docs/training.md tells the contract.
// Run it as `FLOTILLA_URL=https://… FLOTILLA_KEY=flk_… node runner-client.ts ./my-trainer.ts`, where my-trainer.ts exports
// `train(task, told)`, as softmax-regression.ts beside this file does.
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";

type LinkedFile = { name: string; sha256: string; sizeBytes: number; url: string };
export type Task = { jobId: string; leaseToken: string; leaseMs: number; training: { parameters: Record<string, unknown>; recipe: Record<string, unknown> }; dataset: { files: LinkedFile[]; summary: unknown; options: unknown }; parent: { files: LinkedFile[] } | null };
type Answer = { state: string; stopRequested: boolean };
export type Told = { point(name: string, step: number, value: number): void; log(text: string): void; /** Fires when the job has ended for others. */ signal: AbortSignal; shouldStop(): boolean };
/** `preprocessing`: how an example becomes the model's input; without it the model is not evaluated. */
export type Trained = { model: Uint8Array; epochs: number; preprocessing?: object; best?: { epoch: number; metric: string; value: number } };
type Trainer = { train(task: Task, told: Told): Promise<Trained> };
type Upload = { uploadId: string; state: string; partUrl: string | null; partCount: number; partSizeBytes: number };

const { FLOTILLA_URL: url = "http://127.0.0.1:3000", FLOTILLA_KEY: key = "" } = process.env;

/** Well within the lease, and often enough that curves move and a stop is felt. */
const BEAT_MS = 2_000;
const ASK_AGAIN_MS = 5_000;
/** It has too much to do, or it, or something on the way to it, is away. */
const PASSING = [429, 502, 503, 504];

class Refusal extends Error {
  readonly code: string;

  constructor(path: string, code: string, detail: string) {
    super(`${path}: ${code}: ${detail}`);
    this.code = code;
  }
}

/** Asks again while the platform is away: hours of training are not lost to its restart. Who asks too late is told `lease_lost`. */
async function ask<T>(path: string, init: RequestInit): Promise<T> {
  for (;;) {
    const answer = await fetch(new URL(path, url), init).catch((error: Error) => error);
    const isAnswer = answer instanceof Response;
    const body = (isAnswer ? await answer.json().catch(() => ({})) : {}) as T & { code?: string; detail?: string; retryAfterMs?: number };
    if (isAnswer && answer.ok) return body;
    if (isAnswer && !PASSING.includes(answer.status)) throw new Refusal(path, body.code ?? String(answer.status), body.detail ?? "");
    const waitMs = body.retryAfterMs ?? ASK_AGAIN_MS;
    say(`${path}: ${isAnswer ? answer.status : String(answer.cause ?? answer)}; asking again in ${waitMs / 1000} s`);
    await delay(waitMs);
  }
}

function call<T>(path: string, body: object): Promise<T> {
  return ask(`/api/v1/runner/${path}`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${key}` }, body: JSON.stringify(body) });
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

async function send(job: string, leaseToken: string, model: Uint8Array): Promise<string> {
  const sha256 = createHash("sha256").update(model).digest("hex");
  const upload = await call<Upload>(`${job}/uploads`, { leaseToken, filename: "model.onnx", sizeBytes: model.length, sha256 });
  // The platform has these bytes already.
  if (upload.partUrl === null) return upload.uploadId;
  for (let n = 1; n <= upload.partCount; n += 1) await ask(`${upload.partUrl}/${n}`, { method: "PUT", body: model.slice((n - 1) * upload.partSizeBytes, n * upload.partSizeBytes) });
  await call(`${job}/uploads/${upload.uploadId}/complete`, { leaseToken });
  return upload.uploadId;
}

/** Trains one task, with a heartbeat in the background that also carries points and lines. What did not arrive is sent again. */
async function work(task: Task, { train }: Trainer): Promise<void> {
  const { leaseToken, leaseMs } = task;
  const job = `jobs/${task.jobId}`;
  const ended = new AbortController();
  const points: { name: string; step: number; value: number }[] = [];
  const lines: { text: string }[] = [];
  let isStopRequested = false;
  const tell = async (): Promise<void> => {
    do {
      const [somePoints, someLines] = [points.slice(0, 1_000), lines.slice(0, 500)];
      if (somePoints.length > 0) await call(`${job}/metrics`, { leaseToken, points: somePoints }).catch(unlessFull);
      points.splice(0, somePoints.length);
      if (someLines.length > 0) await call(`${job}/logs`, { leaseToken, lines: someLines });
      lines.splice(0, someLines.length);
    } while (points.length > 0 || lines.length > 0);
    const answer = await call<Answer>(`${job}/heartbeat`, { leaseToken });
    isStopRequested = answer.stopRequested;
    if (answer.state !== "running") ended.abort();
  };
  // One after the other.
  let telling = Promise.resolve();
  const tellNext = (): Promise<void> => (telling = telling.catch(() => undefined).then(tell));
  const failed = (error: Error): void => {
    say(`${task.jobId}: ${error.message}`);
    if (error instanceof Refusal && error.code === "lease_lost") ended.abort();
  };
  const beating = setInterval(() => void tellNext().catch(failed), Math.min(BEAT_MS, leaseMs / 6));
  try {
    const { model, ...trained } = await train(task, { point: (name, step, value) => points.push({ name, step, value }), log: (text) => lines.push({ text }), signal: ended.signal, shouldStop: () => isStopRequested });
    if (!ended.signal.aborted) await tellNext();
    if (ended.signal.aborted) return say(`${task.jobId} has ended for this runner`);
    const uploadId = await send(job, leaseToken, model);
    // A beat behind the end would be told that the lease is lost.
    clearInterval(beating);
    await telling.catch(() => undefined);
    await call(`${job}/finish`, { leaseToken, model: { uploadId, stoppedBy: isStopRequested ? "person" : "epochs", toolVersions: { node: process.version }, ...trained } });
    say(`${task.jobId} is handed over`);
  } catch (error) {
    failed(error as Error);
    if (!ended.signal.aborted) await tellNext().catch(failed);
    if (!ended.signal.aborted) await call(`${job}/finish`, { leaseToken, failure: (error as Error).message.slice(0, 2_000) || "The script failed." }).catch(failed);
  } finally {
    clearInterval(beating);
  }
}

/** A script may say more points than there is room for: its model counts all the same. */
function unlessFull(error: unknown): void {
  if (!(error instanceof Refusal) || error.code !== "too_many_points") throw error;
  say(error.message);
}

const trainer = (await import(pathToFileURL(resolve(process.argv[2] ?? "")).href)) as Trainer;
for (;;) {
  const { task } = await call<{ task: Task | null }>("claim", { runner: `${hostname()} ${process.pid}` });
  if (task === null) await delay(5_000);
  else await work(task, trainer);
}
