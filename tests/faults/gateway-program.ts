import type { FaultContext } from "./fault.ts";
import type { Program } from "./programs.ts";

/** Starts the gateway itself (apps/gateway) on a port the system picks. */
export function startGateway(context: FaultContext, databaseUrl: string, settings: Readonly<Record<string, string>> = {}): Program {
  return context.programs.start("apps/gateway/src/main.ts", {
    env: {
      PORT: "0", DATABASE_URL: databaseUrl, ARTIFACT_STORE: `${context.dir}/store`, SYNC_INTERVAL_MS: "500", LOG_LEVEL: "info",
      UPLOAD_TICKET_SECRET: "u".repeat(32), DEVICE_TOKEN_SECRET: "d".repeat(32), ...settings,
    },
  });
}

/** Where it listens, once it is ready. */
export async function urlOf(gateway: Program): Promise<string> {
  return String((await gateway.ready)["url"]);
}
