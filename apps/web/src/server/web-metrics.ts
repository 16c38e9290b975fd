import { createHash, timingSafeEqual } from "node:crypto";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import { Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** What the web process counts of itself. `streams`: change streams open now. */
export class WebMetrics {
  readonly #registry = new Registry();
  readonly #seconds: Histogram<"method" | "route" | "status">;

  constructor(streams: () => number) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({ name: "flotilla_build_info", help: "1, with the version", labelNames: ["version"], registers }).set({ version: FLOTILLA_VERSION }, 1);
    new Gauge({ name: "flotilla_event_streams", help: "Change streams (SSE) open now", registers, collect() { this.set(streams()); } });
    this.#seconds = new Histogram({ name: "flotilla_request_seconds", help: "Duration of calls of the operator API, by route; streams until they begin", labelNames: ["method", "route", "status"], buckets: REQUEST_BUCKETS, registers });
  }

  /** `route` is the pattern, never the path: there are as many series as routes. */
  requestEnded(method: string, route: string, status: number, seconds: number): void {
    this.#seconds.observe({ method, route, status }, seconds);
  }

  async answer(): Promise<Response> {
    return new Response(await this.#registry.metrics(), { headers: { "content-type": this.#registry.contentType, "cache-control": "no-store" } });
  }
}

/** Whether a request carries this bearer token. Compared by digest: neither length nor content can be learnt from the time it takes. */
export function carriesToken(headers: Headers, token: string): boolean {
  const given = /^Bearer (\S{1,500})$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
