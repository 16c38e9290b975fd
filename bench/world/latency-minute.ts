import { LatencyHistogram } from "@flotilla/protocol";

/** Uniform in (0, 1), the same in every run, so that runs can be compared. */
export function benchRandom(): () => number {
  let state = 42;
  return () => ((state = (state * 1664525 + 1013904223) % 2 ** 32) + 0.5) / 2 ** 32;
}

/** The latencies of one minute: log-normal around `medianMs`, two in a hundred four times as slow. */
export function minuteOf(samples: number, medianMs: number, random: () => number): LatencyHistogram {
  const h = new LatencyHistogram();
  for (let i = 0; i < samples; i += 1) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    h.add(medianMs * Math.exp(0.25 * normal) * (random() < 0.02 ? 4 : 1));
  }
  return h;
}
