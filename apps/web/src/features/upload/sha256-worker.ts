/// <reference lib="webworker" />
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** Tells how far it is at most this often. */
const REPORT_MS = 100;

/** Hashes one file as it streams from the disk: a few hundred KiB in memory, however large it is. */
addEventListener("message", (event: MessageEvent<File>) => {
  void hash(event.data).then(
    (digest) => postMessage({ kind: "done", sha256: digest }),
    (error: unknown) => postMessage({ kind: "failed", message: error instanceof Error ? error.message : String(error) }),
  );
});

async function hash(file: File): Promise<string> {
  const state = sha256.create();
  const reader = file.stream().getReader();
  let bytes = 0;
  let reportedAt = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    state.update(chunk.value);
    bytes += chunk.value.byteLength;
    const now = performance.now();
    if (now - reportedAt < REPORT_MS) continue;
    reportedAt = now;
    postMessage({ kind: "progress", bytes });
  }
  return bytesToHex(state.digest());
}
