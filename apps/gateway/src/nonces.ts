import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { FleetError } from "@flotilla/protocol";
import type { UsedNonce } from "@flotilla/fleet";
import { Batches } from "./batches.ts";
import type { GatewayPorts } from "./ports.ts";

const NONCE_TTL_SECONDS = 120;
const MAX_BATCH = 1_000;

/** Numbers that a device signs so that an old signature is worth nothing. */
export type Nonces = {
  issue(nowMs: number): string;
  /** Throws `proof_invalid` when the nonce is not ours or too old. Asks nobody. */
  check(nonce: string, nowMs: number): void;
  /** Uses a nonce up; rejects with `proof_invalid` when it was used before, at this gateway or any other one. To be called last, when the signature over it is right. */
  take(nonce: string, nowMs: number): Promise<void>;
};

/** Any gateway takes any gateway's nonce: what was used is known to the database, in one statement for all that come while the last one runs. */
export function nonces(secret: string, ports: Pick<GatewayPorts, "takeNonces" | "isDatabaseAway">): Nonces {
  const macOf = (body: string): string => createHmac("sha256", secret).update(`flotilla nonce\n${body}`).digest("base64url");
  const refused = (): FleetError => new FleetError("proof_invalid", { public: "The nonce is not valid any more; ask for a new one." });
  /** Whether each was unused. The same nonce twice in one batch: the first has it. */
  const uses = new Batches(ports, { waitMs: 0, most: MAX_BATCH }, async (batch: readonly UsedNonce[]) => {
    const fresh = new Set(await ports.takeNonces(batch));
    return batch.map(({ nonce }) => fresh.delete(nonce));
  });

  function parse(nonce: string, nowMs: number): { random: string; expiresAtMs: number } {
    const end = nonce.lastIndexOf(".");
    const body = nonce.slice(0, Math.max(end, 0));
    const expected = Buffer.from(macOf(body));
    const given = Buffer.from(nonce.slice(end + 1));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused();
    const [, expiry, random = ""] = body.split(".");
    const expiresAtMs = Number(expiry) * 1000;
    if (!(expiresAtMs > nowMs)) throw refused();
    return { random, expiresAtMs };
  }

  return {
    issue(nowMs) {
      const body = `n1.${Math.floor(nowMs / 1000) + NONCE_TTL_SECONDS}.${randomBytes(16).toString("base64url")}`;
      return `${body}.${macOf(body)}`;
    },
    check(nonce, nowMs) {
      parse(nonce, nowMs);
    },
    async take(nonce, nowMs) {
      const { random, expiresAtMs } = parse(nonce, nowMs);
      if (!(await uses.add({ nonce: random, expiresAtMs }))) throw refused();
    },
  };
}
