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

async function call<T>(path: string, body: object): Promise<T> {
  const answer = await fetch(`${url}/api/v1/runner/${path}`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${key}` }, body: JSON.stringify(body) });
  const parsed = (await answer.json()) as T & { code?: string; detail?: string; retryAfterMs?: number };
  // Too much at once: the same call is taken a little later.
  if (answer.status === 429) {
    await delay(parsed.retryAfterMs ?? 1_000);
    return call(path, body);
  }
  if (!answer.ok) throw new Error(`${path}: ${parsed.code ?? answer.status}: ${parsed.detail ?? ""}`);
  return parsed;
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

async function send(job: string, leaseToken: string, model: Uint8Array): Promise<string> {
  const sha256 = createHash("sha256").update(model).digest("hex");
  const upload = await call<Upload>(`${job}/uploads`, { leaseToken, filename: "model.onnx", sizeBytes: model.length, sha256 });
  // The platform has these bytes already.
  if (upload.partUrl === null) return upload.uploadId;
  for (let n = 1; n <= upload.partCount; n += 1) {
    const part = model.slice((n - 1) * upload.partSizeBytes, n * upload.partSizeBytes);
    const sent = await fetch(`${upload.partUrl}/${n}`, { method: "PUT", body: part });
    if (!sent.ok) throw new Error(`part ${n}: ${sent.status} ${await sent.text()}`);
  }
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
      if (somePoints.length > 0) await call(`${job}/metrics`, { leaseToken, points: somePoints });
      points.splice(0, somePoints.length);
      if (someLines.length > 0) await call(`${job}/logs`, { leaseToken, lines: someLines });
      lines.splice(0, someLines.length);
    } while (points.length > 0 || lines.length > 0);
    const answer = await call<Answer>(`${job}/heartbeat`, { leaseToken });
    isStopRequested = answer.stopRequested;
    if (answer.state !== "running") ended.abort();
  };
  // One after the other. A call that fails may pass; a lease that is lost shows at the next one.
  let telling = Promise.resolve();
  const tellNext = (): Promise<void> => (telling = telling.catch(() => undefined).then(tell));
  const failed = (error: Error): void => (error.message.includes("lease_lost") ? ended.abort() : undefined);
  const beating = setInterval(() => void tellNext().catch(failed), leaseMs / 6);
  try {
    const { model, ...trained } = await train(task, { point: (name, step, value) => points.push({ name, step, value }), log: (text) => lines.push({ text }), signal: ended.signal, shouldStop: () => isStopRequested });
    if (!ended.signal.aborted) await tellNext();
    if (ended.signal.aborted) return say(`${task.jobId} has ended for this runner`);
    const uploadId = await send(job, leaseToken, model);
    await call(`${job}/finish`, { leaseToken, model: { uploadId, stoppedBy: isStopRequested ? "person" : "epochs", toolVersions: { node: process.version }, ...trained } });
    say(`${task.jobId} is handed over`);
  } catch (error) {
    failed(error as Error);
    if (ended.signal.aborted) return say(`${task.jobId} has ended for this runner`);
    await call(`${job}/finish`, { leaseToken, failure: (error as Error).message.slice(0, 2_000) || "The script failed." });
  } finally {
    clearInterval(beating);
  }
}

const trainer = (await import(pathToFileURL(resolve(process.argv[2] ?? "")).href)) as Trainer;
for (;;) {
  const { task } = await call<{ task: Task | null }>("claim", { runner: hostname() });
  if (task === null) await delay(5_000);
  else await work(task, trainer);
}
