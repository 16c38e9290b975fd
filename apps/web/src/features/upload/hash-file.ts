import { TransferProblem } from "./upload-engine.ts";

type Message = { kind: "progress"; bytes: number } | { kind: "done"; sha256: string } | { kind: "failed"; message: string };

/** SHA-256 of a file, computed in a worker while the page stays responsive. */
export function hashFile(file: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./sha256-worker.ts", import.meta.url), { type: "module" });
    const end = (settle: () => void): void => {
      worker.terminate();
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason as Error));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) return onAbort();
    worker.addEventListener("message", ({ data }: MessageEvent<Message>) => {
      if (data.kind === "progress") onProgress(data.bytes);
      else if (data.kind === "done") end(() => resolve(data.sha256));
      else end(() => reject(new TransferProblem(`The file cannot be read: ${data.message} Was it moved or changed?`, { passes: false })));
    });
    worker.addEventListener("error", () => end(() => reject(new TransferProblem("The file could not be hashed in this browser.", { passes: false }))));
    worker.postMessage(file);
  });
}
