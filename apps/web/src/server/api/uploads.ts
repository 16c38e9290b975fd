import { z } from "@hono/zod-openapi";
import { checkUploadComplete, createUpload, getUpload, partPath, signUploadTicket, type UploadView } from "@flotilla/fleet";
import { FleetError, fleetErrorCodes, type FleetErrorCode } from "@flotilla/protocol";
import type { Platform } from "../platform.ts";
import { defineRoute, idParams, type Route } from "./define-route.ts";
import { uploadSchema } from "./model-schemas.ts";
import { failure } from "./problems.ts";

/** The gateway reads the whole file again before it answers: 2 GiB from a slow disk. */
const COMMIT_TIMEOUT_MS = 5 * 60_000;

/** Files on their way in. The bytes go to the gateway; here are only their names, sizes and digests. */
export const uploadRoutes: Route[] = [
  defineRoute({
    method: "post", path: "/uploads", tag: "Uploads", summary: "Announce a file; the same bytes are never sent twice", access: { area: "models", role: "operator" },
    body: z.object({
      filename: z.string().min(1).max(255),
      sizeBytes: z.number().int().positive(),
      sha256: z.string().regex(/^[0-9a-fA-F]{64}$/, "must have 64 hex digits"),
    }),
    answer: uploadSchema, status: 201,
    handle: async ({ tx, principal, body, platform, origin }) => withPartUrl(platform, origin, await createUpload(tx, principal, body)),
  }),
  defineRoute({
    method: "get", path: "/uploads/{id}", tag: "Uploads", summary: "Which parts have arrived, and where to send the others", access: { area: "models", role: "operator" },
    params: idParams, answer: uploadSchema,
    handle: async ({ tx, principal, params, platform, origin }) => withPartUrl(platform, origin, await getUpload(tx, principal, params.id)),
  }),
  defineRoute({
    method: "post", path: "/uploads/{id}/complete", tag: "Uploads", summary: "All parts are sent: check length and digest, and keep the file", access: { area: "models", role: "operator" },
    params: idParams, answer: uploadSchema, ownTransactions: true,
    handle: async ({ principal, params, platform, inTx, requestId }) => {
      const view = await inTx((tx) => checkUploadComplete(tx, principal, params.id));
      if (view.state === "complete") return view;
      await commitOnGateway(platform, view.uploadId, requestId);
      return inTx((tx) => getUpload(tx, principal, params.id));
    },
  }),
];

/** An open upload with the address that its parts are sent to, by a ticket for 15 minutes. */
export function withPartUrl(platform: Platform, origin: string, view: UploadView): UploadView {
  if (view.state !== "open") return view;
  const ticket = signUploadTicket(platform.env.UPLOAD_TICKET_SECRET, { purpose: "parts", subject: view.uploadId }, Date.now());
  return { ...view, partUrl: `${origin}${partPath(ticket)}` };
}

/** Asks the gateway to read the whole file again and to keep it. Throws what the gateway says. */
export async function commitOnGateway(platform: Platform, uploadId: string, requestId: string): Promise<void> {
  const ticket = signUploadTicket(platform.env.UPLOAD_TICKET_SECRET, { purpose: "commit", subject: uploadId }, Date.now());
  let answer: Response;
  try {
    answer = await fetch(new URL(`/artifacts/uploads/${ticket}/commit`, platform.env.GATEWAY_URL), { method: "POST", headers: { "x-request-id": requestId }, signal: AbortSignal.timeout(COMMIT_TIMEOUT_MS), redirect: "error" });
  } catch (error) {
    throw new FleetError("unavailable", { public: "The gateway does not answer; complete the upload again when it does.", internal: "commit on the gateway failed", cause: error });
  }
  if (answer.ok) return void (await answer.body?.cancel());
  const problem = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
  const code = fleetErrorCodes.find((known): known is FleetErrorCode => known === problem.code) ?? "unavailable";
  throw failure(code, problem.detail ?? `The gateway answered ${answer.status}.`);
}
