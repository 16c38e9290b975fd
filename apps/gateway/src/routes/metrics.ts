import { createHash, timingSafeEqual } from "node:crypto";
import { FleetError } from "@flotilla/protocol";
import type { Call, Gateway } from "../context.ts";

/** GET /metrics for whoever holds METRICS_TOKEN: devices reach this port too. Not found where there is none. */
export async function metrics(gateway: Gateway, { req, res }: Call): Promise<void> {
  if (gateway.metricsToken === undefined) throw new FleetError("not_found", { public: "Metrics are off: METRICS_TOKEN is not set." });
  // By digest: neither length nor content can be learnt from the time it takes.
  if (!timingSafeEqual(digestOf(req.headers.authorization ?? ""), digestOf(`Bearer ${gateway.metricsToken}`))) throw new FleetError("unauthenticated", { public: "Send METRICS_TOKEN as a bearer token." });
  const { contentType, text } = await gateway.metrics.text();
  res.writeHead(200, { "content-type": contentType, "content-length": Buffer.byteLength(text), "cache-control": "no-store" });
  res.end(text);
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
