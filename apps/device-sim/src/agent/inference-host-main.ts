import { ModelRefusal, openModel, runtimeFacts, type OpenModel } from "@flotilla/runtime";
import type { HostAnswer, HostRequest, HostResult } from "./inference-messages.ts";
import { createInputSource, type InputSource } from "./input-source.ts";
import { ModelFailure } from "./model.ts";

// The inference process: holds loaded models and runs them one call at a time. It answers over the IPC channel and ends with its
// parent. If a model takes it down, the parent knows which call was the last and starts it again.

/** One loaded model; `users` sessions share it (the simulator's devices that run the same bytes with the same settings). */
type Loaded = { readonly model: OpenModel; readonly loadMs: number; users: number; readonly key: string };
type Session = { readonly loaded: Loaded; readonly source: InputSource };

const sessions = new Map<number, Session>();
const shared = new Map<string, Loaded>();
let queue: Promise<void> = Promise.resolve();

async function handle(request: HostRequest): Promise<HostResult> {
  switch (request.kind) {
    case "facts":
      return { kind: "facts", facts: await runtimeFacts() };
    case "open":
      return await open(request);
    case "step": {
      const session = sessionOf(request.session);
      return { kind: "stepped", latencyMs: (await timed(session.loaded.model, await session.source.next())).latencyMs };
    }
    case "infer":
      return { kind: "inferred", ...(await timed(sessionOf(request.session).loaded.model, request.feeds)) };
    case "close":
      await close(request.session);
      return { kind: "closed" };
  }
}

async function open(request: Extract<HostRequest, { kind: "open" }>): Promise<HostResult> {
  const key = `${request.modelSha256} ${JSON.stringify(request.settings)}`;
  const loaded = (request.share ? shared.get(key) : undefined) ?? (await load(request, key));
  if (request.share) shared.set(key, loaded);
  loaded.users += 1;
  const source = await createInputSource(request.input, loaded.model.inputs);
  sessions.set(request.session, { loaded, source });
  try {
    await warmUp(loaded.model, source);
  } catch (error) {
    await close(request.session);
    throw error;
  }
  return { kind: "opened", inputs: loaded.model.inputs, outputs: loaded.model.outputs, loadMs: loaded.loadMs };
}

/** The first run allocates and is several times slower; it also shows that the model runs at all. Missing input files are not its fault. */
async function warmUp(model: OpenModel, source: InputSource): Promise<void> {
  try {
    await timed(model, await source.next());
  } catch (error) {
    if (!(error instanceof ModelFailure && error.kind === "input")) throw error;
  }
}

async function load(request: Extract<HostRequest, { kind: "open" }>, key: string): Promise<Loaded> {
  const startMs = performance.now();
  const model = await openModel(request.modelPath, request.settings);
  return { model, loadMs: performance.now() - startMs, users: 0, key };
}

async function timed(model: OpenModel, feeds: Parameters<OpenModel["run"]>[0]): Promise<{ outputs: Awaited<ReturnType<OpenModel["run"]>>; latencyMs: number }> {
  const startMs = performance.now();
  const outputs = await model.run(feeds);
  return { outputs, latencyMs: performance.now() - startMs };
}

function sessionOf(id: number): Session {
  const session = sessions.get(id);
  if (session === undefined) throw new ModelFailure("run", "the model is not loaded");
  return session;
}

async function close(id: number): Promise<void> {
  const session = sessions.get(id);
  sessions.delete(id);
  if (session !== undefined) await release(session.loaded);
}

async function release(loaded: Loaded): Promise<void> {
  loaded.users -= 1;
  if (loaded.users > 0) return;
  if (shared.get(loaded.key) === loaded) shared.delete(loaded.key);
  await loaded.model.close();
}

function failureOf(error: unknown, request: HostRequest): { failure: "load" | "run" | "input" | "crash"; detail: string } {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof ModelFailure) return { failure: error.kind, detail };
  if (error instanceof ModelRefusal && error.code === "run_failed") return { failure: "run", detail };
  return { failure: request.kind === "open" ? "load" : "run", detail };
}

function send(answer: HostAnswer): void {
  process.send?.(answer);
}

process.on("message", (message) => {
  const request = message as HostRequest; // sent by our own parent, over a private channel
  queue = queue.then(async () => {
    try {
      send({ id: request.id, ok: true, result: await handle(request), rssBytes: process.memoryUsage.rss() });
    } catch (error) {
      send({ id: request.id, ok: false, ...failureOf(error, request), rssBytes: process.memoryUsage.rss() });
    }
  });
});
process.on("disconnect", () => process.exit(0));
// The parent decides when this process ends; a Ctrl-C reaches the whole group.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
