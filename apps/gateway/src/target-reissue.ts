import type { Logger } from "pino";
import type { GatewayPorts } from "./ports.ts";

const EVERY_MS = 1_000;
const MAX_AT_ONCE = 1_000;

/**
 * Devices that know a higher target version than the platform does, which happens after a restore of the database: their
 * targets are given out again under a higher one, a second's worth at a time. What is lost in a crash is found again at the next sync.
 */
export class TargetReissue {
  readonly #ports: GatewayPorts;
  readonly #log: Logger;
  readonly #ahead = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(ports: GatewayPorts, log: Logger) {
    this.#ports = ports;
    this.#log = log;
  }

  deviceIsAhead(deviceId: string): void {
    this.#ahead.add(deviceId);
    if (!this.#isStopped) this.#timer ??= setTimeout(() => void (this.#running = this.#run()), EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    const deviceIds = [...this.#ahead].slice(0, MAX_AT_ONCE);
    for (const deviceId of deviceIds) this.#ahead.delete(deviceId);
    try {
      const reissued = await this.#ports.reissueTargets(deviceIds);
      if (reissued.length > 0) this.#log.warn({ devices: reissued.length }, "devices know newer targets than the database: it was restored; their targets are given out again");
    } catch (error) {
      this.#log.warn({ err: error }, "targets could not be given out again");
    }
    const [next] = this.#ahead;
    if (next !== undefined) this.deviceIsAhead(next);
  }
}
