import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { FleetError } from "@flotilla/protocol";
import { unavailableWhenAway } from "./database-away.ts";
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

type Waiting = { nonce: string; expiresAtMs: number; resolve: () => void; reject: (error: unknown) => void };

/** Any gateway takes any gateway's nonce: what was used is known to the database, in one statement for all that come while the last one runs. */
export function nonces(secret: string, ports: Pick<GatewayPorts, "takeNonces" | "isDatabaseAway">): Nonces {
  const macOf = (body: string): string => createHmac("sha256", secret).update(`flotilla nonce\n${body}`).digest("base64url");
  const refused = (): FleetError => new FleetError("proof_invalid", { public: "The nonce is not valid any more; ask for a new one." });
  let waiting: Waiting[] = [];
  let isRunning = false;

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

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      try {
        const fresh = new Set(await ports.takeNonces(batch.map(({ nonce, expiresAtMs }) => ({ nonce, expiresAtMs }))));
        // The same nonce twice in one batch: the first has it.
        for (const { nonce, resolve, reject } of batch) {
          if (fresh.delete(nonce)) resolve();
          else reject(refused());
        }
      } catch (error) {
        const failure = unavailableWhenAway(ports, error);
        for (const { reject } of batch) reject(failure);
      }
    }
    isRunning = false;
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
      await new Promise<void>((resolve, reject) => {
        waiting.push({ nonce: random, expiresAtMs, resolve, reject });
        if (isRunning) return;
        isRunning = true;
        void run();
      });
    },
  };
}
