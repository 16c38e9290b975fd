import type { SyncRequest } from "@flotilla/protocol";

/** One sync as the gateway queues it: what the device sent and what the gateway knows of the device. */
export type SyncItem = {
  deviceId: string;
  /** When the request came in, by the server's clock: windows are placed by it. */
  receivedAt: Date;
  request: SyncRequest;
  /** From the registry, not from the message: part of the key of roll-ups. */
  className: string;
  /** Fleets the device belongs to now; "*" is added by `applySyncs`. */
  fleetIds: readonly string[];
  /** Pinned, or in the first wave of an active rollout: latency is kept by the minute for this device too. */
  keepsMinutes: boolean;
  /**
   * The device's row of last states says the same already and was written a moment ago: this sync need not write it. Only a caller
   * that remembers what it stored can say so; default false.
   */
  isLiveStored?: boolean | undefined;
  /**
   * The target that the answer to this sync hands out, when it is new to the device and belongs to a deployment: stored with
   * the sync, so that a stop knows which devices have begun.
   */
  handedOut?: { deploymentId: string; targetVersion: number } | undefined;
};

/** What to tell the device once the batch has committed. */
export type SyncOutcome = {
  deviceId: string;
  /** Present when the request carried telemetry: everything up to `seq` is stored. */
  ack: { epoch: string; seq: number } | null;
  /** How the telemetry stood to the ledger; "none" without telemetry. */
  ledger: "none" | "stored" | "duplicate" | "gap";
};
