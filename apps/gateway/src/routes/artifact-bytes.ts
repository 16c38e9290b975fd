import { pipeline } from "node:stream/promises";
import { FOLLOWS_REDIRECTS_HEADER, FleetError, sha256Schema } from "@flotilla/protocol";
import { verifyUploadTicket } from "@flotilla/fleet";
import { authenticate } from "../authenticate.ts";
import type { Call, Gateway } from "../context.ts";
import { rangeOf } from "../http/range.ts";

/**
 * GET, HEAD /device/v1/artifacts/:sha256 for devices, of their own builds: resumable, immutable. A device that says it follows redirects is sent to the
 * store itself where that can be reached (docs/adr/0009); others get the bytes from here.
 */
export async function deviceArtifact(gateway: Gateway, call: Call): Promise<void> {
  const { deviceId } = await authenticate(gateway, call.req);
  const sha256 = sha256Of(call);
  await gateway.artifactAccess.require(deviceId, sha256, Date.now());
  const mayRedirect = call.req.method === "GET" && call.req.headers[FOLLOWS_REDIRECTS_HEADER] === "1";
  const link = mayRedirect ? await gateway.store.linkTo(sha256) : null;
  if (link === null) return await sendArtifact(gateway, call, sha256, {});
  call.res.writeHead(307, { location: link, "cache-control": "no-store", "content-length": "0" }).end();
}

/** GET, HEAD /artifacts/:sha256?ticket=&filename= for people: a download, never shown as a page. */
export async function ticketedArtifact(gateway: Gateway, call: Call): Promise<void> {
  const sha256 = sha256Of(call);
  const subject = verifyUploadTicket(gateway.uploadTicketSecret, call.query.get("ticket") ?? "", "download", Date.now());
  if (subject !== sha256) throw new FleetError("upload_ticket_invalid", { public: "The ticket is for another artifact." });
  const filename = call.query.get("filename") ?? sha256;
  await sendArtifact(gateway, call, sha256, { "content-disposition": attachment(filename), "content-security-policy": "default-src 'none'; sandbox" });
}

function sha256Of(call: Call): string {
  const parsed = sha256Schema.safeParse(call.params[0]);
  if (!parsed.success) throw new FleetError("not_found", { public: "An artifact is named by 64 lower-case hex digits." });
  return parsed.data;
}

/** RFC 6266: a plain name for old clients, the real one in UTF-8. */
function attachment(filename: string): string {
  const plain = filename.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(0, 100) || "artifact";
  const encoded = encodeURIComponent(filename.toWellFormed().slice(0, 200)).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

async function sendArtifact(gateway: Gateway, { req, res }: Call, sha256: string, headers: Record<string, string>): Promise<void> {
  const sizeBytes = await gateway.store.sizeOf(sha256);
  if (sizeBytes === null) throw new FleetError("not_found", { public: "The artifact is not in the store." });
  const etag = `"${sha256}"`;
  const common = { ...headers, etag, "accept-ranges": "bytes", "cache-control": "private, max-age=31536000, immutable", "content-type": "application/octet-stream", "x-content-type-options": "nosniff" };
  if (req.headers["if-none-match"]?.split(/\s*,\s*/).includes(etag)) {
    res.writeHead(304, common).end();
    return;
  }
  const range = rangeOf(req.headers.range, req.headers["if-range"]?.toString(), etag, sizeBytes);
  if (range.kind === "unsatisfiable") {
    res.setHeader("content-range", `bytes */${sizeBytes}`);
    throw new FleetError("range_not_satisfiable", { public: `The artifact has ${sizeBytes} bytes.` });
  }
  const [start, end] = range.kind === "part" ? [range.start, range.end] : [0, sizeBytes - 1];
  const lengths = { "content-length": String(end - start + 1), ...(range.kind === "part" ? { "content-range": `bytes ${start}-${end}/${sizeBytes}` } : {}) };
  const status = range.kind === "part" ? 206 : 200;
  if (req.method === "HEAD") {
    res.writeHead(status, { ...common, ...lengths }).end();
    return;
  }
  await gateway.slots.downloads.use(async () => {
    const bytes = await gateway.store.open(sha256, { start, end });
    res.writeHead(status, { ...common, ...lengths });
    await pipeline(bytes, res).catch((error: unknown) => {
      // A receiver that went away is its own business; it resumes by range.
      if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
    });
  });
}
