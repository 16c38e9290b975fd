import { FLOTILLA_VERSION } from "@flotilla/protocol";
import type { Call, Gateway } from "../context.ts";
import { sendJson } from "../http/answer.ts";

/** GET /healthz: the process runs. */
export function healthz(_gateway: Gateway, { res }: Call): void {
  sendJson(res, 200, { status: "ok", version: FLOTILLA_VERSION });
}

/** GET /readyz: it can do its work: the database answers and the store can be written to. 503 names what cannot. */
export async function readyz(gateway: Gateway, { res }: Call): Promise<void> {
  // Devices and versions are read before the port opens; after a failed start there is nobody to ask.
  const [database, store] = await Promise.all([isWell(gateway.ports.ping()), isWell(gateway.store.freeBytes())]);
  const isReady = database && store && gateway.registry.isLoaded;
  sendJson(res, isReady ? 200 : 503, {
    status: isReady ? "ok" : "unavailable",
    version: FLOTILLA_VERSION,
    checks: { database: database ? "ok" : "unreachable", store: store ? "ok" : "unreachable", queueLoad: Math.round(gateway.writer.load * 100) / 100, knownDevices: gateway.registry.size, registry: gateway.registry.isLoaded ? "ok" : "loading" },
  });
}

async function isWell(check: Promise<unknown>): Promise<boolean> {
  return check.then(
    () => true,
    () => false,
  );
}
