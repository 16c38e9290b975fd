import { deviceFailureCodeSchema, recoverySchema, sha256Schema, targetSchema } from "@flotilla/protocol";
import { z } from "zod";
import type { Disk } from "./disk.ts";

export const slotNameSchema = z.enum(["a", "b"]);
export type SlotName = z.infer<typeof slotNameSchema>;

const probeSchema = z.object({ passed: z.boolean(), loadMs: z.number(), maxAbsError: z.number().nullable() });
export type Probe = z.infer<typeof probeSchema>;

/** What lies in a slot's folder. Digests are those the manifest promised; they are compared with the disk at every load. */
export const slotContentSchema = z.object({
  buildId: z.string(),
  buildName: z.string(),
  manifestSha256: sha256Schema,
  versionId: z.string(),
  modelName: z.string(),
  modelFile: z.string(),
  modelSha256: sha256Schema,
  files: z.array(z.object({ name: z.string(), sha256: sha256Schema, sizeBytes: z.number() })),
  goldenSha256: sha256Schema,
  relativeTolerance: z.number(),
  absoluteTolerance: z.number(),
  requiredMemoryBytes: z.number(),
  intraOpThreads: z.number().int(),
  executionProviders: z.array(z.string()),
});
export type SlotContent = z.infer<typeof slotContentSchema>;

/**
 * `partial`: being written. `ready`: complete, may be loaded. `bad`: its build failed here and is not tried again by itself.
 * `probe` is the last golden run of exactly these bytes.
 */
export const slotSchema = z.discriminatedUnion("state", [
  z.object({ state: z.literal("empty") }),
  z.object({ state: z.enum(["partial", "ready", "bad"]), content: slotContentSchema, probe: probeSchema.nullable() }),
]);
export type Slot = z.infer<typeof slotSchema>;

const failureSchema = z.object({ code: deviceFailureCodeSchema, detail: z.string(), recovery: recoverySchema });
export type Failure = z.infer<typeof failureSchema>;

/**
 * Where the way to the newest target stands. Ends are `succeeded` and `failed`; `probation` and `reverting` lie after the switch.
 * `attempt` counts from 1; a restart of the agent continues the attempt it interrupted.
 */
export const deploymentSchema = z.object({
  attempt: z.number().int().positive(),
  phase: z.enum(["downloading", "installing", "verifying", "probation", "reverting", "succeeded", "failed"]),
  /** The slot this attempt writes to or probes. */
  slot: slotNameSchema.nullable(),
  probe: probeSchema.nullable(),
  failure: failureSchema.nullable(),
  /** How often the agent came up with this probation unfinished. */
  probationStarts: z.number().int().nonnegative(),
});
export type Deployment = z.infer<typeof deploymentSchema>;

/**
 * All that the agent must not forget, in one document that is replaced by rename: a switch of the active slot and the phase
 * that it belongs to can never come apart.
 */
export const agentStateSchema = z.object({
  schema: z.literal("flotilla/agent-state/1"),
  target: targetSchema.nullable(),
  deployment: deploymentSchema.nullable(),
  /** The slot that is run; null = no model. */
  active: slotNameSchema.nullable(),
  /** While the active slot is on probation: where to go back to. */
  previous: slotNameSchema.nullable(),
  slots: z.object({ a: slotSchema, b: slotSchema }),
});
export type AgentState = z.infer<typeof agentStateSchema>;

export const EMPTY_STATE: AgentState = {
  schema: "flotilla/agent-state/1",
  target: null,
  deployment: null,
  active: null,
  previous: null,
  slots: { a: { state: "empty" }, b: { state: "empty" } },
};

const STATE_FILE = "state.json";

/** The stored state; the empty one on a new data folder. Throws when the file is there but is not ours: guessing could run a wrong model. */
export async function loadState(disk: Disk): Promise<AgentState> {
  const bytes = await disk.read(STATE_FILE);
  if (bytes === null) return EMPTY_STATE;
  try {
    return agentStateSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw new Error(`${disk.absolute(STATE_FILE)} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Durable when it resolves. */
export async function saveState(disk: Disk, state: AgentState): Promise<void> {
  await disk.writeAtomic(STATE_FILE, JSON.stringify(state));
}
