import { FLOTILLA_VERSION, type FleetErrorCode } from "@flotilla/protocol";
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

const BATCH_BUCKETS = [1, 5, 20, 50, 100, 200, 500, 1_000];
const COMMIT_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What is read when the numbers are asked for. */
export type GatewayGauges = { load(): number; connections(): Promise<number>; knownDevices(): number };

/** What a gateway counts of itself. Per batch, not per sync: a sync costs nothing here. */
export class GatewayMetrics {
  readonly #registry = new Registry();
  readonly #syncs: Counter;
  readonly #refused: Counter<"code">;
  readonly #batchSyncs: Histogram;
  readonly #commitSeconds: Histogram<"outcome">;

  /** `withProcess`: the numbers of the whole process too (CPU, memory, event loop, garbage collection). */
  constructor(gauges: GatewayGauges, withProcess: boolean) {
    const registers = [this.#registry];
    if (withProcess) collectDefaultMetrics({ register: this.#registry });
    new Gauge({ name: "flotilla_build_info", help: "1, with the version", labelNames: ["version"], registers }).set({ version: FLOTILLA_VERSION }, 1);
    this.#syncs = new Counter({ name: "flotilla_gateway_syncs_total", help: "Syncs that were committed and acknowledged", registers });
    this.#refused = new Counter({ name: "flotilla_gateway_refused_total", help: "Requests answered with an error, by its code", labelNames: ["code"], registers });
    this.#batchSyncs = new Histogram({ name: "flotilla_gateway_batch_syncs", help: "Syncs in a batch", buckets: BATCH_BUCKETS, registers });
    this.#commitSeconds = new Histogram({ name: "flotilla_gateway_commit_seconds", help: "Duration of a batch's transaction, by how it ended", labelNames: ["outcome"], buckets: COMMIT_BUCKETS, registers });
    new Gauge({ name: "flotilla_gateway_queue_load_ratio", help: "Places in the queue that are taken, 0 to 1; at 1 syncs are refused", registers, collect() { this.set(gauges.load()); } });
    new Gauge({ name: "flotilla_gateway_connections", help: "Open connections", registers, async collect() { this.set(await gauges.connections()); } });
    new Gauge({ name: "flotilla_gateway_known_devices", help: "Devices in memory", registers, collect() { this.set(gauges.knownDevices()); } });
  }

  batchEnded(batch: { items: number; seconds: number; isStored: boolean }): void {
    this.#batchSyncs.observe(batch.items);
    this.#commitSeconds.observe({ outcome: batch.isStored ? "stored" : "failed" }, batch.seconds);
    if (batch.isStored) this.#syncs.inc(batch.items);
  }

  refused(code: FleetErrorCode): void {
    this.#refused.inc({ code });
  }

  async text(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
