import { assertNever, type DeploymentReport, type DeviceFailureCode, type SlotReport, type Target } from "@flotilla/protocol";
import type { AgentState, Deployment, Probe, Slot, SlotContent, SlotName } from "./state.ts";

/**
 * The rules of an install, without time, disk or network: `nextStep` says what to do in a state, `transition` what the state
 * becomes by what happened. After a restart the same state gives the same step, so every step may run twice.
 *
 * Invariants: the active slot's files are never written to; while a slot is on probation, `previous` is neither written to nor
 * cleaned; only a target with a higher version replaces a target.
 */
export type Step =
  | { readonly kind: "idle" }
  /** The target says "no model". */
  | { readonly kind: "unload" }
  /** The wanted build is the active one already: make sure that it runs. */
  | { readonly kind: "confirm"; readonly slot: SlotName }
  /** Fetch the manifest and whatever of its files is not on the disk. */
  | { readonly kind: "download"; readonly target: Target; readonly build: NonNullable<Target["build"]> }
  /** The wanted build lies whole in a slot that is not active: nothing to fetch. */
  | { readonly kind: "reuse_slot"; readonly slot: SlotName }
  /** Lay the downloaded files out in the slot. */
  | { readonly kind: "write_slot"; readonly slot: SlotName; readonly build: NonNullable<Target["build"]> }
  /** Load the model and run its golden set in a child process. */
  | { readonly kind: "probe"; readonly slot: SlotName }
  /** Run the active slot and watch it. */
  | { readonly kind: "probation"; readonly slot: SlotName }
  /** Run the slot that was active before (null: none). */
  | { readonly kind: "revert"; readonly to: SlotName | null };

export type AgentEvent =
  | { readonly kind: "target"; readonly target: Target }
  | { readonly kind: "cancel"; readonly deploymentId: string }
  | { readonly kind: "unloaded" }
  | { readonly kind: "confirmed"; readonly slot: SlotName }
  | { readonly kind: "downloaded" }
  | { readonly kind: "slot_reused"; readonly slot: SlotName }
  | { readonly kind: "slot_opened_for_writing"; readonly slot: SlotName; readonly content: SlotContent }
  | { readonly kind: "slot_written"; readonly slot: SlotName }
  | { readonly kind: "probe_passed"; readonly slot: SlotName; readonly probe: Probe }
  | { readonly kind: "probation_started" }
  | { readonly kind: "healthy" }
  | { readonly kind: "unhealthy"; readonly code: DeviceFailureCode; readonly detail: string }
  | { readonly kind: "reverted"; readonly running: boolean }
  | { readonly kind: "failed"; readonly code: DeviceFailureCode; readonly detail: string }
  /** The active slot's bytes on the disk are not those that were installed. */
  | { readonly kind: "slot_damaged"; readonly slot: SlotName; readonly detail: string };

/** Failures that another attempt may not meet again. */
const RETRYABLE: readonly DeviceFailureCode[] = ["download", "io", "disk_full", "timeout"];

/** The agent may come up this often in the middle of one probation before it goes back: a model must not be able to loop it for ever. */
export const MAX_PROBATION_STARTS = 3;

/** What to do now. */
export function nextStep(state: AgentState): Step {
  const { target, deployment } = state;
  if (target === null || deployment === null) return { kind: "idle" };
  switch (deployment.phase) {
    case "succeeded":
    case "failed":
      return { kind: "idle" };
    case "downloading":
      return firstStep(state, target);
    case "installing":
      return target.build === null ? { kind: "unload" } : { kind: "write_slot", slot: writableSlot(state), build: target.build };
    case "verifying":
      return deployment.slot === null ? firstStep(state, target) : { kind: "probe", slot: deployment.slot };
    case "probation":
      return state.active === null ? { kind: "revert", to: state.previous } : { kind: "probation", slot: state.active };
    case "reverting":
      return { kind: "revert", to: state.active };
    default:
      return assertNever(deployment.phase);
  }
}

function firstStep(state: AgentState, target: Target): Step {
  if (target.build === null) return { kind: "unload" };
  if (state.active !== null && holds(state.slots[state.active], target.build.manifest.sha256)) return { kind: "confirm", slot: state.active };
  const { sha256 } = target.build.manifest;
  const whole = SLOT_NAMES.find((name) => name !== state.active && state.slots[name].state === "ready" && holds(state.slots[name], sha256));
  if (whole !== undefined) return { kind: "reuse_slot", slot: whole };
  return { kind: "download", target, build: target.build };
}

function holds(slot: Slot, manifestSha256: string): boolean {
  return slot.state !== "empty" && slot.content.manifestSha256 === manifestSha256;
}

const SLOT_NAMES = ["a", "b"] as const;

/** The slot that an install writes to: the one that is not active; without an active one, rather one that holds nothing of use. */
export function writableSlot(state: AgentState): SlotName {
  if (state.active !== null) return state.active === "a" ? "b" : "a";
  return SLOT_NAMES.find((name) => state.slots[name].state !== "ready") ?? "a";
}

/** True while the step can be given up without a trace for the running model. */
export function isInterruptible(state: AgentState): boolean {
  const phase = state.deployment?.phase;
  return phase === "downloading" || phase === "installing" || phase === "verifying";
}

/** The state after an event. An event that does not fit the state changes nothing: it is late news of something given up. */
export function transition(state: AgentState, event: AgentEvent): AgentState {
  switch (event.kind) {
    case "target":
      return event.target.targetVersion > (state.target?.targetVersion ?? 0) ? { ...state, target: event.target, deployment: freshDeployment() } : state;
    case "cancel":
      return isInterruptible(state) && state.target?.deploymentId === event.deploymentId
        ? ended(state, "cancelled", "the rollout was cancelled before the switch", "no_state_change")
        : state;
    case "unloaded":
      return withDeployment({ ...state, active: null, previous: null }, { phase: "succeeded" });
    case "confirmed":
      return withDeployment({ ...state, previous: null }, { phase: "succeeded", probe: probeOf(state.slots[event.slot]) });
    case "downloaded":
      return inPhase(state, "downloading", (s) => withDeployment(s, { phase: "installing" }));
    case "slot_reused":
      return inPhase(state, "downloading", (s) => withDeployment(s, { phase: "verifying", slot: event.slot }));
    case "slot_opened_for_writing":
      return event.slot === state.active
        ? state
        : withDeployment(withSlot(state, event.slot, { state: "partial", content: event.content, probe: null }), { slot: event.slot });
    case "slot_written":
      return inPhase(state, "installing", (s) => withDeployment(withSlotState(s, event.slot, "ready"), { phase: "verifying" }));
    case "probe_passed":
      return event.slot === state.active ? state : switched(state, event.slot, event.probe);
    case "probation_started":
      return withDeployment(state, { probationStarts: (state.deployment?.probationStarts ?? 0) + 1 });
    case "healthy":
      return inPhase(state, "probation", (s) => withDeployment({ ...s, previous: null }, { phase: "succeeded" }));
    case "unhealthy":
      return inPhase(state, "probation", (s) => wentBack(s, event));
    case "reverted":
      return inPhase(state, "reverting", (s) => endOfRevert(s, event.running));
    case "failed":
      return isInterruptible(state) ? failedAttempt(state, event) : state;
    case "slot_damaged":
      return damaged(state, event);
    default:
      return assertNever(event);
  }
}

function freshDeployment(): Deployment {
  return { attempt: 1, phase: "downloading", slot: null, probe: null, failure: null, probationStarts: 0 };
}

function inPhase(state: AgentState, phase: Deployment["phase"], change: (state: AgentState) => AgentState): AgentState {
  return state.deployment?.phase === phase ? change(state) : state;
}

function withDeployment(state: AgentState, change: Partial<Deployment>): AgentState {
  return state.deployment === null ? state : { ...state, deployment: { ...state.deployment, ...change } };
}

function withSlot(state: AgentState, name: SlotName, slot: Slot): AgentState {
  return { ...state, slots: { ...state.slots, [name]: slot } };
}

function withSlotState(state: AgentState, name: SlotName, slotState: "ready" | "bad"): AgentState {
  const slot = state.slots[name];
  return slot.state === "empty" ? state : withSlot(state, name, { ...slot, state: slotState });
}

function probeOf(slot: Slot): Probe | null {
  return slot.state === "empty" ? null : slot.probe;
}

/** The switch: pointer and phase in one step. */
function switched(state: AgentState, to: SlotName, probe: Probe): AgentState {
  const slot = state.slots[to];
  if (slot.state === "empty") return state;
  const pointed = withSlot({ ...state, active: to, previous: state.active }, to, { ...slot, state: "ready", probe });
  return withDeployment(pointed, { phase: "probation", probe, probationStarts: 0 });
}

function wentBack(state: AgentState, event: { code: DeviceFailureCode; detail: string }): AgentState {
  const left = state.active === null ? state : withSlotState(state, state.active, "bad");
  const failure = { code: event.code, detail: clipped(event.detail), recovery: "rollback_complete" as const };
  return withDeployment({ ...left, active: state.previous, previous: null }, { phase: "reverting", failure });
}

function endOfRevert(state: AgentState, running: boolean): AgentState {
  const failure = state.deployment?.failure ?? { code: "probation_failed" as const, detail: "", recovery: "rollback_complete" as const };
  return withDeployment(state, { phase: "failed", failure: { ...failure, recovery: running ? "rollback_complete" : "unable_to_roll_back" } });
}

function ended(state: AgentState, code: DeviceFailureCode, detail: string, recovery: "no_state_change"): AgentState {
  return withDeployment(state, { phase: "failed", failure: { code, detail: clipped(detail), recovery } });
}

function failedAttempt(state: AgentState, event: { code: DeviceFailureCode; detail: string }): AgentState {
  const { deployment, target } = state;
  if (deployment === null || target === null) return state;
  if (RETRYABLE.includes(event.code) && deployment.attempt < target.maxAttempts) {
    return withDeployment(state, { ...freshDeployment(), attempt: deployment.attempt + 1 });
  }
  const slotIsAtFault = deployment.phase === "verifying" && !RETRYABLE.includes(event.code);
  const marked = slotIsAtFault && deployment.slot !== null ? withSlotState(state, deployment.slot, "bad") : state;
  return ended(marked, event.code, event.detail, "no_state_change");
}

/** Bytes went bad on the disk: run the other slot if it is whole, and fetch the wanted build again. */
function damaged(state: AgentState, event: { slot: SlotName }): AgentState {
  const emptied = withSlot(state, event.slot, { state: "empty" });
  if (state.active !== event.slot) return emptied;
  const other: SlotName = event.slot === "a" ? "b" : "a";
  const fallback = state.slots[other].state === "ready" ? other : null;
  const pointed = { ...emptied, active: fallback, previous: null };
  if (state.deployment?.phase === "reverting") return endOfRevert(pointed, false);
  const wantsBuild = state.target !== null && state.target.build !== null && state.deployment?.phase !== "failed";
  return wantsBuild ? { ...pointed, deployment: freshDeployment() } : pointed;
}

/** The protocol allows this much text. */
const DETAIL_CHARACTERS = 1_000;

/** What can be stored and shown anywhere: no control characters, no halves of characters. It may hold the words of a broken model. */
function clipped(detail: string): string {
  const clean = detail.replaceAll(/[\p{Cc}\p{Cs}]+/gu, " ");
  return clean.length > DETAIL_CHARACTERS ? `${clean.slice(0, DETAIL_CHARACTERS - 1).toWellFormed()}…` : clean;
}

/** What the device says about its slots. */
export function slotReports(state: AgentState): SlotReport[] {
  return SLOT_NAMES.map((name) => {
    const slot = state.slots[name];
    if (slot.state === "empty") return { slot: name, state: "empty" as const, buildId: null, manifestSha256: null };
    const { buildId, manifestSha256 } = slot.content;
    return { slot: name, state: name === state.active ? ("active" as const) : slot.state, buildId, manifestSha256 };
  });
}

/** What the device says about the deployment of its newest target; null when there is none. */
export function deploymentReport(state: AgentState, progress: { readonly bytesDone: number; readonly bytesTotal: number } | null): DeploymentReport | null {
  const { target, deployment } = state;
  if (target === null || deployment === null || target.deploymentId === null) return null;
  return {
    deploymentId: target.deploymentId,
    targetVersion: target.targetVersion,
    attempt: deployment.attempt,
    phase: reportedPhase(deployment.phase),
    ...(progress === null ? {} : { bytesDone: Math.min(progress.bytesDone, progress.bytesTotal), bytesTotal: progress.bytesTotal }),
    ...(deployment.phase === "succeeded" && deployment.probe !== null ? { probe: deployment.probe } : {}),
    ...(deployment.phase === "failed" && deployment.failure !== null ? { failure: deployment.failure } : {}),
  };
}

function reportedPhase(phase: Deployment["phase"]): DeploymentReport["phase"] {
  return phase === "probation" || phase === "reverting" ? "verifying" : phase;
}
