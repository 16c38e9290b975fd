import { FleetError } from "@flotilla/protocol";
import { unavailableWhenAway } from "./database-away.ts";
import type { GatewayPorts } from "./ports.ts";

type Ports = Pick<GatewayPorts, "isArtifactOfDevice" | "isDatabaseAway">;

/** A download of a large model is asked for again and again, range by range; its device is looked up once in this time. */
const REMEMBERED_MS = 15 * 60_000;
/** About 150 bytes each. */
const MAX_REMEMBERED = 100_000;

/**
 * Lets a device at the artifacts of its own builds and at no others. What was allowed is remembered for a while, so that a download that
 * has begun goes on while the database is away; what was refused is not, since an offer may come at any moment.
 */
export class ArtifactAccess {
  readonly #ports: Ports;
  readonly #allowed = new Map<string, number>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Throws `not_found`, the same as for an artifact that does not exist. */
  async require(deviceId: string, sha256: string, nowMs: number): Promise<void> {
    const key = `${deviceId} ${sha256}`;
    if ((this.#allowed.get(key) ?? 0) > nowMs) return;
    if (!(await this.#isOfDevice(deviceId, sha256))) throw new FleetError("not_found", { public: "No build of this device has such an artifact." });
    this.#allowed.delete(key);
    this.#allowed.set(key, nowMs + REMEMBERED_MS);
    // The oldest first: a map keeps the order of insertion.
    for (const oldest of this.#allowed.keys()) {
      if (this.#allowed.size <= MAX_REMEMBERED) break;
      this.#allowed.delete(oldest);
    }
  }

  async #isOfDevice(deviceId: string, sha256: string): Promise<boolean> {
    try {
      return await this.#ports.isArtifactOfDevice({ deviceId, sha256 });
    } catch (error) {
      throw unavailableWhenAway(this.#ports, error);
    }
  }
}
