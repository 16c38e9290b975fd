import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { FleetError } from "@flotilla/protocol";

/** Access tokens of devices live this long. */
export const DEVICE_TOKEN_TTL_SECONDS = 15 * 60;

/** Signs and checks access tokens in memory: `fdt1.<key id>.<device id>.<generation>.<expiry>.<mac>`. */
export type DeviceTokens = {
  sign(device: { deviceId: string; generation: number }, nowMs: number): string;
  /** Throws `unauthenticated` for what we did not sign and `token_expired` for what we did, but too long ago or with another key. */
  verify(token: string, nowMs: number): { deviceId: string; generation: number };
};

/** Verified tokens that are remembered, at most, in each of two generations; about 400 bytes each. */
const MAX_REMEMBERED = 100_000;

type Verified = { deviceId: string; generation: number; expiresAtMs: number };

/**
 * A token that was found good is remembered until it expires, so that its MAC is computed once and not with each sync. Only
 * what a token itself says is remembered: whether its device may still do anything is the registry's to say, each time.
 */
export function deviceTokens(secret: string): DeviceTokens {
  let young = new Map<string, Verified>();
  let old = new Map<string, Verified>();
  const keyId = createHash("sha256").update(`flotilla device token key\n${secret}`).digest("hex").slice(0, 8);
  const macOf = (body: string): string => createHmac("sha256", secret).update(body).digest("base64url");
  const check = (token: string): Verified => {
    const end = token.length > 512 ? -1 : token.lastIndexOf(".");
    const [version, key, deviceId, generation, expiry, ...more] = end < 0 ? [] : token.slice(0, end).split(".");
    if (version !== "fdt1" || !deviceId || generation === undefined || expiry === undefined || more.length > 0) throw new FleetError("unauthenticated", { public: "The access token is not one of ours." });
    if (key !== keyId) throw new FleetError("token_expired", { public: "The access token was signed with a key that is not used any more." });
    const expected = Buffer.from(macOf(token.slice(0, end)));
    const given = Buffer.from(token.slice(end + 1));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new FleetError("unauthenticated", { public: "The access token is not one of ours." });
    return { deviceId, generation: Number(generation), expiresAtMs: Number(expiry) * 1000 };
  };
  return {
    sign({ deviceId, generation }, nowMs) {
      const body = `fdt1.${keyId}.${deviceId}.${generation}.${Math.floor(nowMs / 1000) + DEVICE_TOKEN_TTL_SECONDS}`;
      return `${body}.${macOf(body)}`;
    },
    verify(token, nowMs) {
      let verified = young.get(token) ?? old.get(token);
      if (verified === undefined) {
        verified = check(token);
        if (young.size >= MAX_REMEMBERED) [old, young] = [young, new Map()];
        young.set(token, verified);
      }
      if (verified.expiresAtMs <= nowMs) throw new FleetError("token_expired", { public: "The access token has expired; ask for a new one." });
      return verified;
    },
  };
}
