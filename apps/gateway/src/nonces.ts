import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { FleetError } from "@flotilla/protocol";

const NONCE_TTL_SECONDS = 120;
const MAX_REMEMBERED = 100_000;

/** Numbers that a device signs so that an old signature is worth nothing. */
export type Nonces = {
  issue(nowMs: number): string;
  /** Takes a nonce; throws `proof_invalid` when it is not ours, too old, or was used at this gateway before. */
  take(nonce: string, nowMs: number): void;
};

/** Stateless (any gateway takes any gateway's nonce) apart from a bounded memory of used ones. */
export function nonces(secret: string): Nonces {
  const macOf = (body: string): string => createHmac("sha256", secret).update(`flotilla nonce\n${body}`).digest("base64url");
  const used = new Map<string, number>();
  const refused = (): FleetError => new FleetError("proof_invalid", { public: "The nonce is not valid any more; ask for a new one." });
  return {
    issue(nowMs) {
      const body = `n1.${Math.floor(nowMs / 1000) + NONCE_TTL_SECONDS}.${randomBytes(16).toString("base64url")}`;
      return `${body}.${macOf(body)}`;
    },
    take(nonce, nowMs) {
      const end = nonce.lastIndexOf(".");
      const body = nonce.slice(0, Math.max(end, 0));
      const expected = Buffer.from(macOf(body));
      const given = Buffer.from(nonce.slice(end + 1));
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused();
      const expiryMs = Number(body.split(".")[1]) * 1000;
      if (!(expiryMs > nowMs) || used.has(body)) throw refused();
      for (const [old, oldExpiryMs] of used) {
        if (oldExpiryMs > nowMs && used.size < MAX_REMEMBERED) break;
        used.delete(old);
      }
      used.set(body, expiryMs);
    },
  };
}
