import { createHmac, timingSafeEqual } from "node:crypto";
import { FleetError } from "@flotilla/protocol";

/**
 * What a ticket lets its holder do: send parts of an upload, commit it, or read an artifact.
 * `subject` is the upload's id, or the artifact's SHA-256 for a download.
 */
export type UploadTicket = { purpose: "parts" | "commit" | "download"; subject: string };

/** How long a ticket lives unless told otherwise. */
export const UPLOAD_TICKET_TTL_MS = 15 * 60 * 1000;

/** Web and gateway share the secret: web decides who may, the gateway only checks the ticket. URL-safe. */
export function signUploadTicket(secret: string, ticket: UploadTicket, nowMs: number, ttlMs: number = UPLOAD_TICKET_TTL_MS): string {
  const body = `upt1.${ticket.purpose}.${ticket.subject}.${Math.ceil((nowMs + ttlMs) / 1000)}`;
  return `${body}.${macOf(secret, body)}`;
}

/** The upload id or SHA-256 that the ticket is for. Throws `upload_ticket_invalid` when it is forged, over, or meant for something else. */
export function verifyUploadTicket(secret: string, text: string, purpose: UploadTicket["purpose"], nowMs: number): string {
  const [version, actualPurpose, subject, expiry, mac] = text.length > 512 ? [] : text.split(".");
  if (version !== "upt1" || actualPurpose !== purpose || subject === undefined || expiry === undefined || mac === undefined) throw refused("It is not one of ours.");
  const expected = Buffer.from(macOf(secret, `upt1.${actualPurpose}.${subject}.${expiry}`));
  const given = Buffer.from(mac);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused("It is not one of ours.");
  if (Number(expiry) * 1000 < nowMs) throw refused("Its time is over; ask for the upload again to get a new one.");
  return subject;
}

/** Path under the public origin to which part `n` is PUT as `<path>/<n>`. */
export function partPath(ticket: string): string {
  return `/artifacts/parts/${ticket}`;
}

function macOf(secret: string, body: string): string {
  return createHmac("sha256", secret).update(body).digest("base64url");
}

function refused(why: string): FleetError {
  return new FleetError("upload_ticket_invalid", { public: `The ticket is not valid. ${why}` });
}
