import type { ArtifactQuestion } from "@flotilla/fleet";
import { FleetError } from "@flotilla/protocol";
import { Batches } from "./batches.ts";
import type { GatewayPorts } from "./ports.ts";

type Ports = Pick<GatewayPorts, "areArtifactsOfDevices" | "isDatabaseAway">;

/** A download of a large model is asked for again and again, range by range; its device is looked up once in this time. */
const REMEMBERED_MS = 15 * 60_000;
/** A wave makes thousands of devices ask at once: those that ask while a question is in hand share the next one. */
const QUESTIONS = { waitMs: 0, most: 500 };
/** About 150 bytes each. */
const MAX_REMEMBERED = 100_000;

/**
 * Lets a device at the artifacts of its own builds and at no others. What was allowed is remembered for a while, so that a download that
 * has begun goes on while the database is away; what was refused is not, since an offer may come at any moment.
 */
export class ArtifactAccess {
  readonly #questions: Batches<ArtifactQuestion, boolean>;
  readonly #allowed = new Map<string, number>();

  constructor(ports: Ports) {
    this.#questions = new Batches(ports, QUESTIONS, (questions) => ports.areArtifactsOfDevices(questions));
  }

  /** Throws `not_found`, the same as for an artifact that does not exist. */
  async require(deviceId: string, sha256: string, nowMs: number): Promise<void> {
    const key = `${deviceId} ${sha256}`;
    if ((this.#allowed.get(key) ?? 0) > nowMs) return;
    if (!(await this.#questions.add({ deviceId, sha256 }))) throw new FleetError("not_found", { public: "No build of this device has such an artifact." });
    this.#allowed.delete(key);
    this.#allowed.set(key, nowMs + REMEMBERED_MS);
    // The oldest first: a map keeps the order of insertion.
    for (const oldest of this.#allowed.keys()) {
      if (this.#allowed.size <= MAX_REMEMBERED) break;
      this.#allowed.delete(oldest);
    }
  }
}
