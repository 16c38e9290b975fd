import { expect, test } from "vitest";
import { FleetError } from "@flotilla/protocol";
import { UPLOAD_TICKET_TTL_MS, signUploadTicket, verifyUploadTicket } from "./upload-ticket.ts";

const secret = "s".repeat(32);
const nowMs = 1_795_536_000_000;
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "accepted";
  } catch (error) {
    return error instanceof FleetError ? error.code : String(error);
  }
};

test("a ticket names its upload until its time is over", () => {
  const ticket = signUploadTicket(secret, { purpose: "parts", subject: "upl_1" }, nowMs);
  expect(verifyUploadTicket(secret, ticket, "parts", nowMs + UPLOAD_TICKET_TTL_MS)).toBe("upl_1");
  expect(codeOf(() => verifyUploadTicket(secret, ticket, "parts", nowMs + UPLOAD_TICKET_TTL_MS + 1000))).toBe("upload_ticket_invalid");
});

test("a ticket for one thing opens nothing else, and a changed one nothing at all", () => {
  const ticket = signUploadTicket(secret, { purpose: "parts", subject: "upl_1" }, nowMs);
  expect(codeOf(() => verifyUploadTicket(secret, ticket, "commit", nowMs))).toBe("upload_ticket_invalid");
  expect(codeOf(() => verifyUploadTicket("t".repeat(32), ticket, "parts", nowMs))).toBe("upload_ticket_invalid");
  for (const forged of [ticket.replace("upl_1", "upl_2"), `${ticket}x`, ticket.slice(0, -1), "", "a.b.c.d.e", ".".repeat(600), ticket.replace(/\.\d+\./, ".9999999999.")]) {
    expect(codeOf(() => verifyUploadTicket(secret, forged, "parts", nowMs)), forged.slice(0, 60)).toBe("upload_ticket_invalid");
  }
});
