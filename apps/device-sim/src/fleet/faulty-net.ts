import type { Clock } from "../agent/clock.ts";
import { NetworkError, type Net, type NetRequest, type NetResponse } from "../agent/net.ts";
import type { Random } from "../agent/random.ts";
import { drawLatencyMs, isOffline, type Network } from "./scenario.ts";

export type FaultyNetOptions = {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Monotonic start of the simulation: offline windows count from it. */
  readonly startMs: number;
  /** Share of downloads that come damaged, 0 to 100, now. */
  readonly corruptPercent: () => number;
  /** Why the device has no network now; null: it has. */
  readonly noNetwork?: () => string | null;
  /** Share of requests without an answer, 0 to 100, where it is more than the network's own. */
  readonly extraLossPercent?: () => number;
};

/** A device's network: slow, lossy, at times away. What is sent and answered otherwise is real. */
export function faultyNet(net: Net, options: FaultyNetOptions): Net {
  const { network, clock, random } = options;
  const unlucky = (percent: number): boolean => percent > 0 && random.uniform() * 100 < percent;
  const away = (): string | null => options.noNetwork?.() ?? (isOffline(network, clock.monotonicMs() - options.startMs) ? "offline" : null);
  const offline = (): boolean => away() !== null;
  const lossPercent = (): number => Math.max(network.lossPercent, options.extraLossPercent?.() ?? 0);
  return {
    async request(request) {
      const reason = away();
      if (reason !== null) throw new NetworkError(`${reason} (simulated)`);
      const isDownload = request.path.startsWith("/device/v1/artifacts/");
      const lost = !isDownload && unlucky(lossPercent());
      if (lost && random.uniform() < 0.5) throw new NetworkError("request lost (simulated)");
      await clock.sleep(drawLatencyMs(network, random), request.signal);
      const response = await net.request(request);
      if (lost) {
        await response.discard();
        throw new NetworkError("answer lost (simulated)");
      }
      return isDownload ? download(response, request) : response;
    },
    close: () => net.close(),
  };

  function download(response: NetResponse, request: NetRequest): NetResponse {
    if (response.status !== 200 && response.status !== 206) return response;
    const sizeBytes = Number(response.headers["content-length"] ?? "0");
    const cutAt = unlucky(lossPercent()) ? Math.floor(random.uniform() * sizeBytes) : null;
    const flipAt = unlucky(options.corruptPercent()) ? Math.floor(random.uniform() * sizeBytes) : null;
    return { ...response, body: spoiled(response, { cutAt, flipAt, offline, what: request.path }) };
  }
}

async function* spoiled(response: NetResponse, how: { cutAt: number | null; flipAt: number | null; offline: () => boolean; what: string }): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of response.body) {
    if (how.offline()) throw new NetworkError(`the connection broke in ${how.what} (simulated)`);
    let piece = chunk;
    if (how.flipAt !== null && how.flipAt >= at && how.flipAt < at + chunk.length) {
      piece = Uint8Array.from(chunk);
      piece[how.flipAt - at] = (piece[how.flipAt - at] ?? 0) ^ 0x55;
    }
    if (how.cutAt !== null && how.cutAt < at + piece.length) {
      yield piece.subarray(0, how.cutAt - at);
      throw new NetworkError(`the connection broke in ${how.what} (simulated)`);
    }
    at += piece.length;
    yield piece;
  }
}
