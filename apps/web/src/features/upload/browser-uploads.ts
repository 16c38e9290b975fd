import type { UploadView } from "@flotilla/fleet";
import { ApiProblem, apiGet, apiSend, messageOf } from "../../lib/api-client.ts";
import { hashFile } from "./hash-file.ts";
import { sendPart } from "./send-part.ts";
import { parseRemembered } from "./transfer-plan.ts";
import { TransferProblem, UploadEngine, type UploadPorts } from "./upload-engine.ts";

/** What the files are to become; each has uploads of its own, so that a dataset never becomes part of a model. */
export type UploadPurpose = "model" | "dataset";

const PLACES: Record<UploadPurpose, string> = { model: "flotilla-uploads", dataset: "flotilla-dataset-uploads" };

const portsFor = (place: string): UploadPorts => ({
  hash: hashFile,
  create: (input, signal) => call(() => apiSend<UploadView>("POST", "/uploads", input, { signal }), signal),
  find: (id, signal) => call(() => apiGet<UploadView>(`/uploads/${id}`, signal), signal),
  complete: (id, signal) => call(() => apiSend<UploadView>("POST", `/uploads/${id}/complete`, {}, { signal }), signal),
  sendPart,
  wait: waitOrOnline,
  now: () => Date.now(),
  random: () => Math.random(),
  remembered: () => parseRemembered(read(place), Date.now()),
  remember: (uploads) => {
    try {
      localStorage.setItem(place, JSON.stringify(uploads));
    } catch {
      // Not kept: a reload then begins the upload anew, and the server still answers with the parts it has.
    }
  },
});

const engines: Partial<Record<UploadPurpose, UploadEngine>> = {};

/** The uploads of this tab. Only in the browser. */
export function uploads(purpose: UploadPurpose = "model"): UploadEngine {
  return (engines[purpose] ??= new UploadEngine(portsFor(PLACES[purpose])));
}

function read(place: string): string | null {
  try {
    return localStorage.getItem(place);
  } catch {
    return null;
  }
}

async function call<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof ApiProblem) throw new TransferProblem(messageOf(error), { passes: error.retryable && error.code !== "insufficient_storage", code: error.code });
    throw new TransferProblem(messageOf(error), { passes: true });
  }
}

/** Waits, but not on when the browser says that the line is back. */
function waitOrOnline(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      window.removeEventListener("online", onTime);
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const onTime = (): void => end(resolve);
    const onAbort = (): void => end(() => reject(signal.reason as Error));
    const timer = setTimeout(onTime, ms);
    window.addEventListener("online", onTime);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
