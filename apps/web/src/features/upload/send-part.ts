import { TransferProblem } from "./upload-engine.ts";

/** No byte for this long: the line is dead, whatever the browser thinks. */
const STALLED_MS = 45_000;

/** PUTs one part. XMLHttpRequest, because fetch does not tell how much has left. */
export function sendPart(url: string, bytes: Blob, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    const end = (settle: () => void): void => {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const fail = (error: TransferProblem): void => end(() => reject(error));
    const onAbort = (): void => {
      end(() => reject(signal.reason as Error));
      request.abort();
    };
    const alive = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        fail(new TransferProblem("Nothing moves on the line.", { passes: true }));
        request.abort();
      }, STALLED_MS);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) return onAbort();
    request.upload.addEventListener("progress", (event) => {
      alive();
      onProgress(event.loaded);
    });
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) end(resolve);
      else fail(problemOf(request.status, request.responseText));
    });
    request.addEventListener("error", () => fail(new TransferProblem("The connection is lost.", { passes: true })));
    request.open("PUT", url);
    request.setRequestHeader("content-type", "application/octet-stream");
    alive();
    request.send(bytes);
  });
}

function problemOf(status: number, text: string): TransferProblem {
  let body: { code?: string; detail?: string } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // Not from us: a proxy between.
  }
  const passes = status >= 500 || status === 429 || status === 408;
  return new TransferProblem(body.detail ?? `The server answered ${status}.`, { passes, code: body.code ?? "" });
}
