import { z } from "zod";

/** Kubernetes-style label keys and values: what selectors compare. */
export const labelKeySchema = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/, "a label key has 1 to 63 letters, digits, '.', '_', '/' or '-'");
export const labelValueSchema = z.string().regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, "a label value has up to 63 letters, digits, '.', '_' or '-'");
export const labelsSchema = z.record(labelKeySchema, labelValueSchema).refine((l) => Object.keys(l).length <= 32, "at most 32 labels");
export type Labels = z.infer<typeof labelsSchema>;

/** What decides which variant fits a device, and which devices' numbers compare. */
export const deviceClassSchema = z.object({
  /** Short name that people group by, e.g. "pi4". */
  name: labelValueSchema.min(1),
  arch: z.string().max(32),
  /** Instruction-set flags that kernels care about, e.g. "avx512_vnni", "neon". */
  isa: z.array(z.string().max(32)).max(64),
  runtime: z.object({ name: z.string().max(64), version: z.string().max(64) }),
  executionProvider: z.string().max(64),
  memoryBytes: z.number().int().nonnegative(),
  /** True when latency is scaled by a simulator instead of being the hardware's own. */
  simulated: z.boolean(),
});
export type DeviceClass = z.infer<typeof deviceClassSchema>;

/** How a latency was measured. Numbers of different modes are never merged. */
export const measuringModeSchema = z.enum(["back_to_back", "scheduled", "field", "simulated"]);
export type MeasuringMode = z.infer<typeof measuringModeSchema>;
