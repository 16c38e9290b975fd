import type { Logger } from "pino";
import type { GatewayPorts } from "./ports.ts";

/** Pages hear of changes at most this often. */
const ANNOUNCE_MS = 1_000;
/** More changed devices than this in one go are announced as "*": read the list again. */
const MAX_NAMED = 50;

/** Collects what pages must hear of, so that many syncs make one notification a second. What is lost in a crash is only a hint. */
export class ChangeAnnouncer {
  readonly #ports: GatewayPorts;
  readonly #log: Logger;
  #deviceIds = new Set<string>();
  #latency = false;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(ports: GatewayPorts, log: Logger) {
    this.#ports = ports;
    this.#log = log;
  }

  deviceChanged(deviceId: string): void {
    this.#deviceIds.add(deviceId);
    this.#schedule();
  }

  latencyChanged(): void {
    this.#latency = true;
    this.#schedule();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#send();
    await this.#sending;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#send(), ANNOUNCE_MS);
  }

  #send(): void {
    this.#timer = undefined;
    const deviceIds = this.#deviceIds.size > MAX_NAMED ? ["*"] : [...this.#deviceIds].toSorted();
    const latency = this.#latency;
    this.#deviceIds = new Set();
    this.#latency = false;
    if (deviceIds.length === 0 && !latency) return;
    this.#sending = this.#sending
      .then(() => this.#ports.announce({ deviceIds, latency }))
      .catch((error: unknown) => this.#log.warn({ err: error }, "pages could not be told of changes"));
  }
}
