import type { Clock } from "../agent/clock.ts";
import { ModelFailure, type LiveModel, type ModelFiles, type ModelPort } from "../agent/model.ts";
import { crashesOnLoad, failPercent, slowFactor, type Faults, type Victim } from "./faults.ts";
import type { FleetStats } from "./fleet-stats.ts";

export type SimulatedModelsOptions = { readonly victim: Victim; readonly speedFactor: number; readonly faults: () => Faults; readonly clock: Clock; readonly stats?: FleetStats };

/**
 * This machine's models as a slower or faster device has them: every inference is run for real, its time is scaled, and the device is
 * busy for as long. Closing leaves the shared inference process to the other devices.
 */
export function simulatedModels(models: ModelPort, options: SimulatedModelsOptions): ModelPort {
  const { victim, speedFactor, clock } = options;
  const crashes = (files: ModelFiles): boolean => crashesOnLoad(options.faults(), victim, files.content);
  const scaled = async <T extends { latencyMs: number }>(work: Promise<T>): Promise<T> => {
    const result = await work;
    const latencyMs = result.latencyMs * speedFactor * slowFactor(options.faults(), victim);
    if (latencyMs > result.latencyMs) await clock.sleep(latencyMs - result.latencyMs);
    if (Math.random() * 100 < failPercent(options.faults(), victim)) {
      if (options.stats !== undefined) options.stats.inferenceErrors += 1;
      throw new ModelFailure("run", "the inference failed (simulated)");
    }
    options.stats?.inferenceMs.add(latencyMs);
    return { ...result, latencyMs };
  };
  return {
    facts: () => models.facts(),
    async probe(files, limits) {
      if (crashes(files)) return { kind: "refused", code: "load_failed", detail: "the model crashed its process (SIGSEGV, simulated)" };
      const outcome = await models.probe(files, limits);
      return outcome.kind === "passed" ? { ...outcome, loadMs: outcome.loadMs * speedFactor } : outcome;
    },
    async open(files, input): Promise<LiveModel> {
      if (crashes(files)) throw new ModelFailure("crash", "the model crashed its process (SIGSEGV, simulated)");
      const live = await models.open(files, input);
      return { ...live, loadMs: live.loadMs * speedFactor, step: () => scaled(live.step()), infer: (feeds) => scaled(live.infer(feeds)) };
    },
    rssBytes: () => models.rssBytes(),
    close: () => Promise.resolve(),
  };
}
