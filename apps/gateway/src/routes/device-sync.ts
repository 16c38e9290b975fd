import type { Call, Gateway } from "../context.ts";

/** POST /device/v1/sync: report and telemetry in, target out. See sync-intake.ts. */
export function sync(gateway: Gateway, { req, res, requestId }: Call): void {
  gateway.intake.take(req, res, requestId);
}
