import { z } from "zod";
import { faultsSchema, type Faults } from "./faults.ts";

/** What the dashboard injects, in its words. */
export const injectedFaultsSchema = z.object({
  outage: z.boolean().optional(),
  lossPercent: z.number().min(0).max(100).optional(),
  slowFactor: z.number().positive().optional(),
  crashEverySeconds: z.number().nonnegative().optional(),
  silentPercent: z.number().min(0).max(100).optional(),
  badClass: z.string().optional(),
});
export type InjectedFaults = z.infer<typeof injectedFaultsSchema>;

/** A device that lost power comes back after about as long as a small board takes to start. */
const CRASH_DOWN_MS = 5_000;

/** The scenario's faults with the injected ones beside them. */
export function withInjected(ofScenario: Faults, injected: InjectedFaults): Faults {
  const { outage, lossPercent, slowFactor, crashEverySeconds, silentPercent, badClass } = injected;
  const added = faultsSchema.parse({
    ...(outage === true && { outage: [{}] }),
    ...(lossPercent && { loss: [{ percent: lossPercent }] }),
    ...(slowFactor !== undefined && slowFactor !== 1 && { slow: [{ factor: slowFactor }] }),
    ...(crashEverySeconds && { crash: [{ meanMs: crashEverySeconds * 1_000, downMs: CRASH_DOWN_MS }] }),
    ...(silentPercent && { silent: [{ share: silentPercent / 100 }] }),
    ...(badClass && { crashOnLoad: [{ classes: [badClass] }] }),
  });
  const kinds = new Set([...Object.keys(ofScenario), ...Object.keys(added)]) as Set<keyof Faults>;
  return faultsSchema.parse(Object.fromEntries([...kinds].map((kind) => [kind, [...(added[kind] ?? []), ...(ofScenario[kind] ?? [])]])));
}
