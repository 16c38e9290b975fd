import { FleetError } from "@flotilla/protocol";
import { STORE_RESERVE_BYTES, verifyUploadTicket } from "@flotilla/fleet";
import type { Call, Gateway } from "../context.ts";
import { sendJson } from "../http/answer.ts";
import { withIdleTimeout } from "../http/body.ts";

/** A part whose bytes stop coming for this long is given up; the sender sends it again. */
const PART_IDLE_MS = 30_000;

/** PUT /artifacts/parts/:ticket/:n: one part, written at its place as it comes in. Sending it again is allowed. */
export async function putPart(gateway: Gateway, { req, res, params: [ticket = "", number = ""] }: Call): Promise<void> {
  const uploadId = verifyUploadTicket(gateway.uploadTicketSecret, ticket, "parts", Date.now());
  const n = /^[1-9]\d{0,5}$/.test(number) ? Number(number) : 0;
  await gateway.slots.parts.use(async () => {
    const place = await gateway.ports.placeOfPart(uploadId, n);
    const length = req.headers["content-length"];
    if (length !== undefined && Number(length) !== place.sizeBytes) throw new FleetError("part_invalid", { public: `Part ${n} has ${place.sizeBytes} bytes; ${length} were announced.` });
    if ((await gateway.store.freeBytes()) < place.sizeBytes + STORE_RESERVE_BYTES) throw new FleetError("insufficient_storage", { public: "The artifact store is full. An admin must make room.", extra: { retryAfterMs: 60_000 } });
    await gateway.store.stagePart(uploadId, place, withIdleTimeout(req, PART_IDLE_MS));
    await gateway.ports.notePart(uploadId, n, place.sizeBytes);
    sendJson(res, 200, { n, sizeBytes: place.sizeBytes });
  });
}

/**
 * POST /artifacts/uploads/:ticket/commit: re-reads the whole file and gives it its name. Web calls it when a person
 * completes an upload. Repeating it is allowed; a crash between the store and the row is mended by the next call.
 */
export async function commitUpload(gateway: Gateway, { res, params: [ticket = ""] }: Call): Promise<void> {
  const uploadId = verifyUploadTicket(gateway.uploadTicketSecret, ticket, "commit", Date.now());
  await gateway.slots.commits.use(async () => {
    const task = await gateway.ports.uploadToCommit(uploadId);
    if (task.kind === "commit") {
      try {
        await gateway.store.commit(uploadId, task.expected);
      } catch (error) {
        if (error instanceof FleetError && error.code === "upload_mismatch") {
          await gateway.ports.failUpload(uploadId, error.public);
          await gateway.store.discard(uploadId);
        }
        throw error;
      }
      await gateway.ports.finishUpload(uploadId);
    }
    sendJson(res, 200, { uploadId, state: "complete" });
  });
}
