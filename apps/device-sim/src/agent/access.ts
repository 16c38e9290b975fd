import { FleetError, PROTOCOL_VERSION, fleetErrorCodes, isRetryable, type DeviceClass, type FleetErrorCode, type Labels } from "@flotilla/protocol";
import type { Logger } from "pino";
import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import { ServerRefusal, type GatewayClient } from "./gateway-client.ts";
import { loadEnrollment, loadIdentity, saveEnrollment, type Identity } from "./identity.ts";
import type { Random } from "./random.ts";

/** How the server stands to this device. `pending`: known with another key, a person must approve. */
export type Standing = "enrolling" | "pending" | "enrolled" | "revoked";

export type AccessOptions = {
  readonly client: GatewayClient;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly server: string;
  readonly name: string;
  readonly labels: Labels;
  readonly deviceClass: DeviceClass;
  readonly enrollmentToken: string | null;
};

/** The device's identity and the tokens it gets by it. */
export type Access = {
  standing(): Standing;
  deviceId(): string | null;
  /** SPKI DER, base64: what a person compares before approving a key change. */
  readonly publicKey: string;
  /**
   * Resolves once the device is enrolled; keeps asking while the server is away or a key change waits for a person.
   * Rejects with `FleetError` when asking again cannot help (token refused, no token given).
   */
  enroll(signal: AbortSignal): Promise<void>;
  /** Calls with a valid access token; fetches a new one before its time is up, and once when the server says it has expired. */
  withToken<T>(call: (token: string) => Promise<T>): Promise<T>;
};

/** A token is renewed when less than this is left of it. */
const RENEW_BEFORE_MS = 60_000;
const ENROLL_BACKOFF = { baseMs: 1_000, capMs: 60_000 } as const;

/** Reads or makes the identity of this data folder. */
export async function createAccess(options: AccessOptions): Promise<Access> {
  const { client, disk, clock, log } = options;
  const identity = await loadIdentity(disk);
  let enrollment = await loadEnrollment(disk);
  if (enrollment !== null && enrollment.server !== options.server) {
    log.warn({ was: enrollment.server, now: options.server }, "this data folder was enrolled with another server; asking the new one");
  }
  let standing: Standing = enrollment === null ? "enrolling" : "enrolled";
  let token: { value: string; renewAtMs: number } | null = null;
  let renewal: Promise<string> | null = null;
  /** The disk did not take the enrolment: it is kept in memory, and offered again with every call. */
  let isUnsaved = false;

  async function save(): Promise<void> {
    if (enrollment === null) return;
    try {
      await saveEnrollment(disk, enrollment);
      isUnsaved = false;
    } catch (error) {
      if (!isUnsaved) log.error({ err: String(error) }, "the enrolment cannot be stored; going on from memory");
      isUnsaved = true;
    }
  }

  async function renew(): Promise<string> {
    if (enrollment === null) throw new FleetError("device_unknown", { public: "the device is not enrolled" });
    const request = { deviceId: enrollment.deviceId, nonce: await client.nonce() };
    const answer = await client.token({ ...request, signature: identity.signToken(request) });
    const lifeMs = answer.expiresInSeconds * 1_000;
    token = { value: answer.token, renewAtMs: clock.monotonicMs() + Math.max(lifeMs - RENEW_BEFORE_MS, lifeMs / 2) };
    if (standing === "revoked") log.info("the server takes this device again");
    standing = "enrolled";
    return answer.token;
  }

  /** One renewal at a time, shared by all who wait for it. */
  function renewOnce(): Promise<string> {
    renewal ??= renew().finally(() => {
      renewal = null;
    });
    return renewal;
  }

  function note(error: unknown): void {
    if (!(error instanceof ServerRefusal)) return;
    if (error.code === "device_revoked" && standing !== "revoked") {
      log.error({ code: error.code, detail: error.message }, "the server withdrew this device's credential; the model keeps running, targets are no longer taken");
      standing = "revoked";
      token = null;
    }
    if (error.code === "device_unknown" && options.enrollmentToken !== null) {
      log.warn("the server does not know this device; enrolling again");
      enrollment = null;
      // It is of the device that is gone: with it the server would never know the new one.
      token = null;
      standing = "enrolling";
    }
  }

  return {
    publicKey: identity.publicKey,
    standing: () => standing,
    deviceId: () => enrollment?.deviceId ?? null,
    async enroll(signal) {
      for (let failures = 1; enrollment === null; failures += 1) {
        signal.throwIfAborted();
        try {
          const answer = await requestEnrollment(options, identity);
          enrollment = { ...answer, server: options.server };
          await save();
          standing = "enrolled";
          log.info({ deviceId: enrollment.deviceId }, "enrolled");
        } catch (error) {
          standing = standingAfter(error, standing, log);
          const retryAfterMs = error instanceof ServerRefusal ? error.retryAfterMs : undefined;
          await clock.sleep(backoffMs(failures, options.random, ENROLL_BACKOFF, retryAfterMs), signal);
        }
      }
    },
    async withToken(call) {
      try {
        if (isUnsaved) await save();
        const held = token !== null && clock.monotonicMs() < token.renewAtMs ? token.value : await renewOnce();
        try {
          return await call(held);
        } catch (error) {
          if (!(error instanceof ServerRefusal) || error.status !== 401 || error.code === "device_unknown") throw error;
          token = null;
          return await call(await renewOnce());
        }
      } catch (error) {
        note(error);
        throw error;
      }
    },
  };
}

async function requestEnrollment(options: AccessOptions, identity: Identity): Promise<{ deviceId: string; name: string }> {
  if (options.enrollmentToken === null) {
    throw new FleetError("enrollment_token_invalid", { public: "this device is not enrolled yet: give an enrolment token (--token)" });
  }
  const proof = { token: options.enrollmentToken, name: options.name, publicKey: identity.publicKey, nonce: await options.client.nonce() };
  return await options.client.enroll({
    ...proof,
    protocol: PROTOCOL_VERSION,
    class: options.deviceClass,
    labels: options.labels,
    signature: identity.signEnroll(proof),
  });
}

/** The standing after a failed enrolment; throws when trying again cannot help. */
function standingAfter(error: unknown, before: Standing, log: Logger): Standing {
  if (error instanceof FleetError) throw error;
  if (error instanceof ServerRefusal) {
    if (error.code === "key_change_pending") {
      if (before !== "pending") log.warn({ code: error.code, detail: error.message }, "this name is known with another key; a person must approve the new one");
      return "pending";
    }
    const code = knownCode(error.code);
    if (code !== null && !isRetryable(code)) throw new FleetError(code, { public: error.message });
  }
  log.warn({ err: error instanceof Error ? error.message : String(error) }, "enrolment did not go through; trying again");
  return before === "pending" ? "pending" : "enrolling";
}

function knownCode(code: string): FleetErrorCode | null {
  return fleetErrorCodes.find((known) => known === code) ?? null;
}
