import { assertNever, type ArtifactRef, type BuildManifest, type DeviceClass, type Target, type Variant } from "@flotilla/protocol";
import type { Logger } from "pino";
import { backoffMs } from "./backoff.ts";
import type { Blobs } from "./blobs.ts";
import type { Clock } from "./clock.ts";
import { MAX_PROBATION_STARTS, type AgentEvent, type Step } from "./decide.ts";
import type { Disk } from "./disk.ts";
import { InstallFailure } from "./install-failure.ts";
import type { Probation } from "./installer.ts";
import { ModelFailure, type ModelPort } from "./model.ts";
import type { Random } from "./random.ts";
import { SlotDamaged, type Runner } from "./runner.ts";
import { MANIFEST_MAX_BYTES, modelFilesOf, readManifest, slotContentOf, slotDamage, writeSlot } from "./slots.ts";
import type { AgentState, SlotContent, SlotName } from "./state.ts";

/** What a step works with. `apply` stores an event's outcome; steps never touch the state otherwise. */
export type StepContext = {
  readonly disk: Disk;
  readonly blobs: Blobs;
  readonly models: ModelPort;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly deviceClass: DeviceClass;
  readonly probation: Probation;
  readonly signal: AbortSignal;
  state(): AgentState;
  apply(event: AgentEvent): Promise<void>;
  checkSpace(refs: readonly ArtifactRef[]): Promise<void>;
  remainingMs(): number;
  /** For the report: how far the download of this deployment is. */
  progress(bytesDone: number, bytesTotal: number): void;
};

/** Carries one step out. Rejects when it fails; the caller turns that into an event. */
export async function performStep(step: Exclude<Step, { kind: "idle" }>, context: StepContext): Promise<void> {
  switch (step.kind) {
    case "unload":
      await context.runner.unload();
      return await context.apply({ kind: "unloaded" });
    case "confirm":
      return await confirm(step.slot, context);
    case "download":
      return await download(step.build, context);
    case "reuse_slot":
      return await context.apply({ kind: "slot_reused", slot: step.slot });
    case "write_slot":
      return await layOut(step.slot, step.build, context);
    case "probe":
      return await probe(step.slot, context);
    case "probation":
      return await probation(step.slot, context);
    case "revert":
      return await revert(step.to, context);
    default:
      return assertNever(step);
  }
}

async function confirm(slot: SlotName, context: StepContext): Promise<void> {
  await run(slot, context);
  await context.apply({ kind: "confirmed", slot });
}

/** Loads the slot's model into the inference process unless it runs already. */
async function run(slot: SlotName, context: StepContext): Promise<void> {
  try {
    await context.runner.switchTo(slot, contentOf(slot, context.state()));
  } catch (error) {
    if (error instanceof SlotDamaged) await context.apply({ kind: "slot_damaged", slot, detail: error.message });
    if (error instanceof ModelFailure) throw new InstallFailure("load_failed", error.message);
    throw error;
  }
}

function contentOf(slot: SlotName, state: AgentState): SlotContent {
  const held = state.slots[slot];
  if (held.state === "empty") throw new InstallFailure("io", `slot ${slot} is empty`);
  return held.content;
}

async function download(build: NonNullable<Target["build"]>, context: StepContext): Promise<void> {
  const { blobs, signal } = context;
  if (build.manifest.sizeBytes > MANIFEST_MAX_BYTES) throw new InstallFailure("manifest_invalid", `a manifest of ${build.manifest.sizeBytes} bytes`);
  await context.checkSpace([build.manifest]);
  await blobs.fetch(build.manifest, { signal });
  const { variant } = await storedManifest(build, context);
  const refs = refsOf(variant);
  const bytesTotal = refs.reduce((sum, ref) => sum + ref.sizeBytes, 0);
  let bytesDone = bytesTotal - (await blobs.missingBytes(refs));
  await context.checkSpace(refs);
  const onBytes = (bytes: number): void => {
    bytesDone = Math.max(bytesDone + bytes, 0);
    context.progress(bytesDone, bytesTotal);
  };
  onBytes(0);
  for (const ref of refs) await blobs.fetch(ref, { signal, onBytes });
  await context.apply({ kind: "downloaded" });
}

async function storedManifest(build: NonNullable<Target["build"]>, context: StepContext): Promise<{ manifest: BuildManifest; variant: Variant }> {
  const bytes = await context.disk.read(context.blobs.nameOf(build.manifest.sha256));
  if (bytes === null) throw new InstallFailure("io", "the manifest is gone from the disk");
  return readManifest(bytes, build, context.deviceClass);
}

/** Files and golden set; each digest once. */
function refsOf(variant: Variant): ArtifactRef[] {
  return [...new Map([...variant.files, variant.golden].map(({ sha256, sizeBytes }) => [sha256, { sha256, sizeBytes }])).values()];
}

async function layOut(slot: SlotName, build: NonNullable<Target["build"]>, context: StepContext): Promise<void> {
  const { manifest, variant } = await storedManifest(build, context);
  const content = slotContentOf(manifest, variant, build.manifest.sha256);
  // Files that were fetched for an earlier attempt may have gone: the digest check of `fetch` costs a read and no network.
  for (const ref of [build.manifest, ...refsOf(variant)]) await context.blobs.fetch(ref, { signal: context.signal });
  await context.apply({ kind: "slot_opened_for_writing", slot, content });
  await writeSlot(context.disk, context.blobs, slot, content);
  await context.apply({ kind: "slot_written", slot });
}

async function probe(slot: SlotName, context: StepContext): Promise<void> {
  const content = contentOf(slot, context.state());
  const damage = await slotDamage(context.disk, slot, content);
  if (damage !== null) {
    await context.apply({ kind: "slot_damaged", slot, detail: damage });
    throw new InstallFailure("io", damage);
  }
  const outcome = await context.models.probe(modelFilesOf(context.disk, slot, content), { wallMs: context.remainingMs(), signal: context.signal });
  context.signal.throwIfAborted();
  if (outcome.kind === "refused") throw new InstallFailure(outcome.code, outcome.detail);
  await context.apply({ kind: "probe_passed", slot, probe: { passed: true, loadMs: outcome.loadMs, maxAbsError: outcome.maxAbsError } });
}

async function probation(slot: SlotName, context: StepContext): Promise<void> {
  const starts = context.state().deployment?.probationStarts ?? 0;
  if (starts >= MAX_PROBATION_STARTS) {
    return await context.apply({ kind: "unhealthy", code: "probation_failed", detail: `the agent was restarted ${starts} times while this model was on probation` });
  }
  await context.apply({ kind: "probation_started" });
  try {
    await run(slot, context);
  } catch (error) {
    context.signal.throwIfAborted();
    const code = error instanceof InstallFailure ? error.code : "io";
    return await context.apply({ kind: "unhealthy", code, detail: error instanceof Error ? error.message : String(error) });
  }
  const verdict = await watchHealth(slot, context);
  if (verdict === null) return;
  await context.apply(verdict);
}

/** Follows the running model until it has shown itself healthy or not; null when the agent is stopping. */
async function watchHealth(slot: SlotName, context: StepContext): Promise<AgentEvent | null> {
  const { runner, clock, probation: limits, signal } = context;
  const startMs = clock.monotonicMs();
  for (;;) {
    if (signal.aborted) return null;
    const running = runner.running();
    const elapsedMs = clock.monotonicMs() - startMs;
    if (running === null || running.slot !== slot) return { kind: "unhealthy", code: "probation_failed", detail: "the model does not run" };
    const { crashes, errors, inferences, lastError } = running.health;
    if (crashes > 0) return { kind: "unhealthy", code: "probation_failed", detail: `the model took its process down: ${lastError ?? ""}` };
    if (errors > 0) return { kind: "unhealthy", code: "probation_failed", detail: `an inference failed: ${lastError ?? ""}` };
    if (running.live && (inferences >= limits.inferences || elapsedMs >= limits.ms)) return { kind: "healthy" };
    if (elapsedMs >= limits.ms * 4) return { kind: "unhealthy", code: "probation_failed", detail: "the model could not be kept running" };
    const nextLookMs = elapsedMs < limits.ms ? limits.ms - elapsedMs : limits.ms * 4 - elapsedMs;
    const look = new AbortController();
    const either = AbortSignal.any([signal, look.signal]);
    await Promise.race([runner.changed(either), clock.sleep(nextLookMs, either)]);
    look.abort();
  }
}

const REVERT_TRIES = 3;
const REVERT_BACKOFF = { baseMs: 500, capMs: 5_000 } as const;

async function revert(to: SlotName | null, context: StepContext): Promise<void> {
  if (to === null) {
    await context.runner.unload();
    return await context.apply({ kind: "reverted", running: true });
  }
  for (let tries = 1; tries <= REVERT_TRIES; tries += 1) {
    try {
      await run(to, context);
      return await context.apply({ kind: "reverted", running: true });
    } catch (error) {
      context.signal.throwIfAborted();
      context.log.error({ err: error instanceof Error ? error.message : String(error) }, "the previous model could not be loaded");
      if (context.state().deployment?.phase !== "reverting") return;
      await context.clock.sleep(backoffMs(tries, context.random, REVERT_BACKOFF), context.signal);
    }
  }
  await context.apply({ kind: "reverted", running: false });
  context.runner.keep(to, contentOf(to, context.state()));
}
