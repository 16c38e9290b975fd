import type { IncomingMessage } from "node:http";
import { FleetError } from "@flotilla/protocol";
import type { Gateway } from "./context.ts";
import type { KnownDevice } from "./registry.ts";

/**
 * The device behind a request's bearer token; checked in memory when the device is known here. Throws
 * `unauthenticated`, `token_expired`, `device_unknown`, `device_revoked`.
 */
export async function authenticate(gateway: Gateway, req: IncomingMessage): Promise<KnownDevice> {
  const claim = claimOf(gateway, req);
  return admitted(claim, gateway.registry.peek(claim.deviceId) ?? (await gateway.registry.get(claim.deviceId)));
}

/** What a request's token says, if it is one of ours and has not expired. Throws `unauthenticated`, `token_expired`. */
export function claimOf(gateway: Gateway, req: IncomingMessage): DeviceClaim {
  const header = req.headers.authorization ?? "";
  if (!header.startsWith("Bearer ")) throw new FleetError("unauthenticated", { public: "Send the device's access token as a bearer token." });
  return gateway.tokens.verify(header.slice("Bearer ".length), Date.now());
}

/** The device, if it may act on the claim. Throws `device_unknown`, `device_revoked`, `token_expired`. */
export function admitted(claim: DeviceClaim, device: KnownDevice | null): KnownDevice {
  if (device === null) throw new FleetError("device_unknown", { public: "This device is not enrolled here." });
  refuseRevoked(device);
  if (device.entry.generation !== claim.generation) throw new FleetError("token_expired", { public: "The access token belongs to an earlier key; ask for a new one." });
  return device;
}

/** What a token claims. */
export type DeviceClaim = { deviceId: string; generation: number };

/** Throws `device_revoked` for a device whose credential was withdrawn. */
export function refuseRevoked(device: KnownDevice): void {
  if (device.entry.state === "revoked") throw new FleetError("device_revoked", { public: "This device's credential was withdrawn." });
}
