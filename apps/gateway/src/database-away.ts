import { FleetError } from "@flotilla/protocol";
import type { GatewayPorts } from "./ports.ts";

const RETRY_AFTER_MS = 2_000;

/** `unavailable` for an error that means that the database is away; any other error as it is. */
export function unavailableWhenAway(ports: Pick<GatewayPorts, "isDatabaseAway">, error: unknown, retryAfterMs: number = RETRY_AFTER_MS): unknown {
  if (!ports.isDatabaseAway(error)) return error;
  return new FleetError("unavailable", { public: "The database is not reachable; try again.", cause: error, extra: { retryAfterMs } });
}
