import type { Random } from "../../agent/random.ts";
import { corruptPercent, extraLossPercent, noNetwork, type Faults, type Victim } from "../faults.ts";
import { drawLatencyMs, isOffline, type Network } from "../scenario.ts";
import type { Answer, Call, Exchange } from "./exchange.ts";
import type { Timeline } from "./timeline.ts";

export type CrowdNetwork = { readonly exchange: Exchange; readonly timeline: Timeline; readonly faults: () => Faults };

/** The device whose network it is. */
export type Caller = { readonly network: Network; readonly random: Random; readonly victim: Victim };

const NO_ANSWER = { status: 0, body: Buffer.alloc(0) } as const;

/** Sends through the device's network: slow, lossy, at times away. What is sent and answered otherwise is real. */
export function sendThrough(net: CrowdNetwork, caller: Caller, call: Call, take: (answer: Answer) => void): void {
  const { timeline } = net;
  const { network, random, victim } = caller;
  const faults = net.faults();
  const away = noNetwork(faults, victim) ?? (isOffline(network, timeline.nowMs()) ? "offline" : null);
  if (away !== null) return void timeline.after(0, () => take({ ...NO_ANSWER, broke: `${away} (simulated)` }));
  const lossPercent = Math.max(network.lossPercent, extraLossPercent(faults, victim));
  const unlucky = (percent: number): boolean => percent > 0 && random.uniform() * 100 < percent;
  const isDownload = call.path.startsWith("/device/v1/artifacts/");
  const isLost = !isDownload && unlucky(lossPercent);
  const isRequestLost = isLost && random.uniform() < 0.5;
  const delayMs = drawLatencyMs(network, random);
  // All draws are made now, so that what the server does in between does not shift the device's luck.
  const cut = isDownload && unlucky(lossPercent) ? random.uniform() : null;
  const flip = isDownload && unlucky(corruptPercent(faults, victim)) ? random.uniform() : null;
  const send = (): void => {
    if (isRequestLost) return take({ ...NO_ANSWER, broke: "request lost (simulated)" });
    net.exchange.send(call, (answer) => {
      if (isLost) return take({ ...NO_ANSWER, broke: "answer lost (simulated)" });
      const got = isDownload && (answer.status === 200 || answer.status === 206) ? spoiled(answer, cut, flip) : answer;
      const paceMs = isDownload && network.bytesPerSecond > 0 ? (got.body.length / network.bytesPerSecond) * 1_000 : 0;
      if (paceMs > 0) timeline.after(paceMs, () => take(got));
      else take(got);
    });
  };
  if (delayMs > 0) timeline.after(delayMs, send);
  else send();
}

function spoiled(answer: Answer, cut: number | null, flip: number | null): Answer {
  let { body, broke } = answer;
  if (flip !== null && body.length > 0) {
    const at = Math.floor(flip * body.length);
    body = Buffer.from(body);
    body[at] = (body[at] ?? 0) ^ 0x55;
  }
  if (cut !== null) {
    body = body.subarray(0, Math.floor(cut * body.length));
    broke = "download cut (simulated)";
  }
  return { ...answer, body, broke };
}
