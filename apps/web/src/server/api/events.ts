import type { ChangeEventView } from "@flotilla/fleet";
import { callerOf } from "../caller.ts";
import type { Platform } from "../platform.ts";
import { failure } from "./problems.ts";

const HEARTBEAT_MS = 15_000;
/** A reader that is further behind is cut off; it comes back with its last event id. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** GET /api/v1/events: ids and topics of what changed, never rows; the page asks for those again. */
export async function streamChanges(platform: Platform, request: Request, requestId: string): Promise<Response> {
  // Before the first await: an abort that comes earlier than its listener would leave the stream open for ever.
  const gone = new AbortController();
  const onAbort = (): void => gone.abort();
  if (request.signal.aborted) gone.abort();
  request.signal.addEventListener("abort", onAbort, { once: true });
  // Also keeps the request: one that is collected as garbage does not tell any more that it was aborted.
  gone.signal.addEventListener("abort", () => request.signal.removeEventListener("abort", onAbort), { once: true });
  const caller = await callerOf(platform, request.headers, requestId);
  if (caller.principal === null) throw failure("unauthenticated", "Sign in, or send an API key as a bearer token.");
  const after = lastEventId(request);
  const body = new ReadableStream<Uint8Array>({ start: (controller) => void feed(platform, controller, gone, after), cancel: () => gone.abort() }, { highWaterMark: MAX_BUFFERED_BYTES, size: (chunk) => chunk?.byteLength ?? 0 });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      // Next compresses event streams unless it is told not to; proxies hold back what they may change.
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "x-request-id": requestId,
    },
  });
}

function lastEventId(request: Request): number | null {
  const text = request.headers.get("last-event-id") ?? new URL(request.url).searchParams.get("after");
  if (text === null || !/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}

async function feed(platform: Platform, controller: ReadableStreamDefaultController<Uint8Array>, gone: AbortController, after: number | null): Promise<void> {
  const encoder = new TextEncoder();
  let leave: (() => void) | undefined;
  const beat = setInterval(() => send("event: alive\ndata: {}\n\n"), HEARTBEAT_MS);
  beat.unref();
  const end = (): void => {
    clearInterval(beat);
    leave?.();
    try {
      controller.close();
    } catch {
      // Closed by the other side.
    }
  };
  const send = (text: string): void => {
    if (gone.signal.aborted) return;
    if ((controller.desiredSize ?? 0) <= 0) return gone.abort();
    try {
      controller.enqueue(encoder.encode(text));
    } catch {
      gone.abort();
    }
  };
  gone.signal.addEventListener("abort", end, { once: true });
  if (gone.signal.aborted) return end();
  send("retry: 2000\n: connected\n\n");
  try {
    const stop = await platform.hub.subscribe(
      { onEvents: (events) => send(events.map(message).join("")), onPruned: (newest) => send(`id: ${newest}\nevent: pruned\ndata: {}\n\n`), onEnd: () => gone.abort() },
      after,
    );
    if (gone.signal.aborted) stop();
    else leave = stop;
    // Tells the page from where to resume, and that it is live.
    if (!gone.signal.aborted) send(`id: ${platform.hub.newest}\nevent: hello\ndata: {}\n\n`);
  } catch (error) {
    platform.log.warn({ err: error }, "the change stream could not start");
    gone.abort();
  }
}

function message(event: ChangeEventView): string {
  return `id: ${event.seq}\nevent: change\ndata: ${JSON.stringify({ topic: event.topic, id: event.objectId, at: event.at })}\n\n`;
}
