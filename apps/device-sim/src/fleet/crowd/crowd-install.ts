import type { ArtifactRef, Target } from "@flotilla/protocol";
import { backoffMs } from "../../agent/backoff.ts";
import { AGENT_DEFAULTS } from "../../agent/agent.ts";
import { MAX_PROBATION_STARTS, isInterruptible, nextStep, transition, type AgentEvent, type Step } from "../../agent/decide.ts";
import { InstallFailure } from "../../agent/install-failure.ts";
import { ModelFailure } from "../../agent/model.ts";
import { MANIFEST_MAX_BYTES, digestsOf } from "../../agent/slots.ts";
import type { AgentState, SlotContent, SlotName } from "../../agent/state.ts";
import { crashesOnLoad, diskDelayMs, failPercent, isDiskFull } from "../faults.ts";
import { sha256Of, type Layout } from "./content.ts";
import type { CrowdDevice } from "./crowd-device.ts";
import type { Answer } from "./exchange.ts";
import type { Profile } from "./model-lab.ts";
import type { Entry } from "./timeline.ts";

/** Answers in a row that are no use before an attempt is given up; outages do not count. As in the agent. */
const MAX_USELESS_ANSWERS = 4;
const RESUME_BACKOFF = { baseMs: 500, capMs: 15_000 } as const;
const REOPEN_BACKOFF = { baseMs: 500, capMs: 60_000 } as const;
/** Writes of a slot beside its files: folder, manifest, golden set, state twice. */
const SLOT_WRITES = 5;


/**
 * A crowd device's way to its target: the agent's own rules (`nextStep`, `transition`) say what to do, and this carries it out against
 * shared bytes and a shared model lab. Whatever is under way when `#turn` moves on is news of something given up.
 */
export class CrowdInstall {
  readonly #device: CrowdDevice;
  #turn = 0;
  #isBusy = false;
  #inbox: AgentEvent[] | null = null;
  #deadline: Entry | null = null;
  #attemptKey = "";
  #retryAtMs = 0;
  progress: { bytesDone: number; bytesTotal: number } | null = null;

  constructor(device: CrowdDevice) {
    this.#device = device;
  }

  /** News from the server. While a new model is on probation they wait. */
  post(event: AgentEvent): void {
    const { state } = this.#device;
    const isSwitching = state.deployment?.phase === "probation" || state.deployment?.phase === "reverting";
    if (isSwitching) return void (this.#inbox ??= []).push(event);
    if (transition(state, event) === state) return;
    this.#abandon();
    this.#apply(event);
    this.advance();
  }

  /** Power is gone: nothing of what was under way comes to an end. */
  cut(): void {
    this.#abandon();
    this.#inbox = null;
    this.progress = null;
    this.#attemptKey = "";
  }

  #abandon(): void {
    this.#turn += 1;
    this.#isBusy = false;
    this.#device.context.timeline.cancel(this.#deadline);
    this.#deadline = null;
  }

  /** Takes the next step, unless one is under way. */
  advance(): void {
    const { state, context } = this.#device;
    if (this.#isBusy || this.#device.isDown) return;
    const isSwitching = state.deployment?.phase === "probation" || state.deployment?.phase === "reverting";
    if (!isSwitching && this.#inbox !== null) {
      const news = this.#inbox;
      this.#inbox = null;
      for (const event of news) this.#apply(event);
      return this.advance();
    }
    const step = nextStep(state);
    if (step.kind === "idle") return;
    this.#isBusy = true;
    const mine = ++this.#turn;
    const isMine = (): boolean => this.#turn === mine && !this.#device.isDown;
    const done = (event: AgentEvent | InstallFailure): void => {
      if (!isMine()) return;
      this.#isBusy = false;
      if (event instanceof InstallFailure) this.#apply({ kind: "failed", code: event.code, detail: event.message });
      else this.#apply(event);
      this.advance();
    };
    this.#watchDeadline(state);
    const waitMs = state.deployment?.phase === "downloading" && state.deployment.attempt > 1 ? this.#retryAtMs - context.timeline.nowMs() : 0;
    const begin = (): void => {
      if (isMine()) this.#perform(step, isMine, done);
    };
    if (waitMs > 0) context.timeline.after(waitMs, begin);
    else begin();
  }

  #watchDeadline({ target, deployment }: AgentState): void {
    const key = `${target?.targetVersion}/${deployment?.attempt}`;
    if (key === this.#attemptKey) return;
    const { timeline } = this.#device.context;
    this.#attemptKey = key;
    timeline.cancel(this.#deadline);
    this.#deadline = timeline.after(target?.attemptTimeoutMs ?? 0, () => {
      this.#deadline = null;
      if (this.#attemptKey !== key || this.#device.isDown || !isInterruptible(this.#device.state)) return;
      this.#abandon();
      this.#apply({ kind: "failed", code: "timeout", detail: "the attempt took longer than it may" });
      this.advance();
    });
  }

  #apply(event: AgentEvent): void {
    const device = this.#device;
    const before = device.state;
    const next = transition(before, event);
    if (next === before) return;
    device.state = next;
    if (event.kind === "target") this.progress = null;
    const { deployment } = next;
    if (deployment === null || (deployment.phase === before.deployment?.phase && deployment.attempt === before.deployment.attempt)) return;
    if (event.kind === "failed" && deployment.phase === "downloading") {
      this.#retryAtMs = device.context.timeline.nowMs() + backoffMs(deployment.attempt - 1, device.random, AGENT_DEFAULTS.retryBackoff);
    }
    device.context.note(device.plan.name, `${deployment.phase} ${next.target?.build?.name ?? "no model"}${deployment.failure === null ? "" : ` ${deployment.failure.code}`}`);
    if (deployment.phase !== "succeeded" && deployment.phase !== "failed") return;
    this.#device.context.timeline.cancel(this.#deadline);
    this.#deadline = null;
    const wasRolledBack = before.deployment?.phase === "reverting";
    device.context.stats.installed(deployment.phase === "succeeded" ? "succeeded" : wasRolledBack ? "rolled_back" : "failed", deployment.failure?.code);
    device.hurry();
  }

  #perform(step: Exclude<Step, { kind: "idle" }>, isMine: () => boolean, done: (event: AgentEvent | InstallFailure) => void): void {
    const device = this.#device;
    switch (step.kind) {
      case "unload":
        device.stopModel();
        return done({ kind: "unloaded" });
      case "confirm":
        return this.#run(step.slot, isMine, (failure) => done(failure ?? { kind: "confirmed", slot: step.slot }));
      case "download":
        return this.#download(step.build, isMine, done);
      case "reuse_slot":
        return done({ kind: "slot_reused", slot: step.slot });
      case "write_slot":
        return this.#writeSlot(step.slot, step.build, isMine, done);
      case "probe":
        return this.#probe(step.slot, isMine, done);
      case "probation":
        return this.#probation(step.slot, isMine, done);
      case "revert":
        return this.#revert(step.to, isMine, done);
    }
  }

  // ---- steps

  #download(build: NonNullable<Target["build"]>, isMine: () => boolean, done: (event: AgentEvent | InstallFailure) => void): void {
    if (build.manifest.sizeBytes > MANIFEST_MAX_BYTES) return done(new InstallFailure("manifest_invalid", `a manifest of ${build.manifest.sizeBytes} bytes`));
    this.#fetch(build.manifest, isMine, () => undefined, (failure) => {
      if (failure !== null) return done(failure);
      const layout = this.#layout(build);
      if (layout instanceof InstallFailure) return done(layout);
      const refs = layout.refs.filter((ref) => !this.#isHere(ref.sha256));
      const bytesTotal = layout.refs.reduce((sum, ref) => sum + ref.sizeBytes, 0);
      let bytesDone = bytesTotal - refs.reduce((sum, ref) => sum + ref.sizeBytes, 0);
      const onBytes = (bytes: number): void => {
        bytesDone = Math.max(bytesDone + bytes, 0);
        this.progress = { bytesDone, bytesTotal };
      };
      onBytes(0);
      const fetchNext = (at: number): void => {
        const ref = refs[at];
        if (ref === undefined) return done({ kind: "downloaded" });
        this.#fetch(ref, isMine, onBytes, (failed) => (failed === null ? fetchNext(at + 1) : done(failed)));
      };
      fetchNext(0);
    });
  }

  #layout(build: NonNullable<Target["build"]>): Layout | InstallFailure {
    try {
      return this.#device.context.content.layout(build, this.#device.deviceClass);
    } catch (error) {
      if (error instanceof InstallFailure) return error;
      throw error;
    }
  }

  /** What a slot holds lies on the device already. */
  #isHere(sha256: string): boolean {
    const { slots } = this.#device.state;
    return [slots.a, slots.b].some((slot) => slot.state !== "empty" && slot.state !== "partial" && digestsOf(slot.content).includes(sha256));
  }

  /** Fetches an artifact and checks its digest, resuming where it broke off; one clean second try when the bytes are wrong. */
  #fetch(ref: ArtifactRef, isMine: () => boolean, onBytes: (bytes: number) => void, take: (failure: InstallFailure | null) => void): void {
    const device = this.#device;
    const { context } = device;
    if (this.#isHere(ref.sha256) || (context.scenario.downloads === "once" && context.content.bytes(ref.sha256) !== null)) return take(null);
    if (isDiskFull(context.faults(), device.victim)) return take(new InstallFailure("disk_full", "ENOSPC: no space left on device (simulated)"));
    let got: Buffer[] = [];
    let size = 0;
    let failures = 0;
    let useless = 0;
    let wrong = 0;
    const startOver = (): void => {
      onBytes(-size);
      got = [];
      size = 0;
    };
    const again = (isUseless: boolean, why: string, retryAfterMs?: number): void => {
      failures += 1;
      if (isUseless && ++useless >= MAX_USELESS_ANSWERS) return take(new InstallFailure("download", `artifact ${ref.sha256}: ${why}`));
      context.timeline.after(backoffMs(failures, device.random, RESUME_BACKOFF, retryAfterMs), request);
    };
    const check = (): void => {
      const bytes = got.length === 1 && got[0] !== undefined ? got[0] : Buffer.concat(got);
      const sha256 = sha256Of(bytes);
      if (sha256 === ref.sha256) {
        context.stats.artifacts += 1;
        context.content.keep(sha256, bytes);
        const delayMs = diskDelayMs(context.faults(), device.victim);
        if (delayMs > 0) return void context.timeline.after(delayMs, () => isMine() && take(null));
        return take(null);
      }
      startOver();
      wrong += 1;
      if (wrong > 1) return take(new InstallFailure("digest_mismatch", `artifact ${ref.sha256} came with digest ${sha256} twice`));
      request();
    };
    const receive = (answer: Answer): void => {
      if (!isMine()) return;
      if (answer.status === 200 || answer.status === 206) {
        if (!fits(answer, ref, size)) {
          startOver();
          return again(true, `the answer (status ${answer.status}) does not fit`);
        }
        if (answer.status === 200) startOver();
        const piece = answer.body.subarray(0, ref.sizeBytes - size);
        context.stats.artifactBytes += answer.body.length;
        if (piece.length > 0) {
          got.push(piece);
          size += piece.length;
          failures = 0;
          onBytes(piece.length);
        }
        if (piece.length < answer.body.length) return again(true, "the server sends more bytes than promised");
        if (size === ref.sizeBytes) return check();
      }
      context.stats.error(answer.broke ?? `download ${answer.status}`);
      const isUseless = answer.status >= 400 && answer.status < 500 && ![401, 408, 429].includes(answer.status);
      return again(isUseless, answer.broke ?? `the server answered ${answer.status}`, device.retryAfterOf(answer));
    };
    const request = (): void => {
      if (!isMine()) return;
      device.withToken(
        (token) => {
          if (isMine()) device.send({ method: "GET", path: `/device/v1/artifacts/${ref.sha256}`, token, resume: { fromByte: size, sha256: ref.sha256 } }, receive);
        },
        (why, retryAfterMs) => {
          if (isMine()) again(false, why, retryAfterMs);
        },
      );
    };
    request();
  }

  #writeSlot(slot: SlotName, build: NonNullable<Target["build"]>, isMine: () => boolean, done: (event: AgentEvent | InstallFailure) => void): void {
    const device = this.#device;
    const { context } = device;
    if (isDiskFull(context.faults(), device.victim)) return done(new InstallFailure("disk_full", "ENOSPC: no space left on device (simulated)"));
    const layout = this.#layout(build);
    if (layout instanceof InstallFailure) return done(layout);
    this.#apply({ kind: "slot_opened_for_writing", slot, content: layout.content });
    const delayMs = diskDelayMs(context.faults(), device.victim) * (SLOT_WRITES + layout.content.files.length);
    context.timeline.after(delayMs, () => isMine() && done({ kind: "slot_written", slot }));
  }

  #probe(slot: SlotName, isMine: () => boolean, done: (event: AgentEvent | InstallFailure) => void): void {
    const device = this.#device;
    const content = contentIn(device.state, slot);
    if (content === null) return done(new InstallFailure("io", `slot ${slot} is empty`));
    if (crashesOnLoad(device.context.faults(), device.victim, content)) return done(new InstallFailure("load_failed", "the model crashed its process (SIGSEGV, simulated)"));
    device.context.lab.probe(device.deviceClass.name, content, (outcome) => {
      if (!isMine()) return;
      if (outcome.kind === "refused") return done(new InstallFailure(outcome.code, outcome.detail));
      const loadMs = outcome.loadMs * device.plan.class.speedFactor;
      device.context.timeline.after(loadMs, () => done({ kind: "probe_passed", slot, probe: { passed: true, loadMs, maxAbsError: outcome.maxAbsError } }));
    });
  }

  /** Runs the slot's model unless it runs already. */
  #run(slot: SlotName, isMine: () => boolean, take: (failure: InstallFailure | null) => void): void {
    const content = contentIn(this.#device.state, slot);
    if (content === null) return take(new InstallFailure("io", `slot ${slot} is empty`));
    if (this.#device.runs(content)) return take(null);
    this.openModel(content, (opened) => {
      if (!isMine()) return;
      if (opened instanceof ModelFailure) return take(new InstallFailure("load_failed", opened.message));
      this.#device.startModel(content, opened);
      take(null);
    });
  }

  openModel(content: SlotContent, take: (opened: Profile | ModelFailure) => void): void {
    const { context, victim, deviceClass } = this.#device;
    if (crashesOnLoad(context.faults(), victim, content)) return take(new ModelFailure("crash", "the model crashed its process (SIGSEGV, simulated)"));
    context.lab.open(deviceClass.name, content, take);
  }

  #probation(slot: SlotName, isMine: () => boolean, done: (event: AgentEvent | InstallFailure) => void): void {
    const device = this.#device;
    const { scenario, timeline } = device.context;
    const starts = device.state.deployment?.probationStarts ?? 0;
    if (starts >= MAX_PROBATION_STARTS) return done({ kind: "unhealthy", code: "probation_failed", detail: `the agent was restarted ${starts} times while this model was on probation` });
    this.#apply({ kind: "probation_started" });
    this.#run(slot, isMine, (failure) => {
      if (failure !== null) return done({ kind: "unhealthy", code: failure.code, detail: failure.message });
      const { inferences, ms } = scenario.probation;
      const intervalMs = scenario.inferenceIntervalMs;
      const percent = failPercent(device.context.faults(), device.victim);
      const watched = intervalMs === 0 ? 0 : Math.min(inferences, Math.ceil(ms / intervalMs));
      for (let n = 1; percent > 0 && n <= watched; n += 1) {
        if (device.random.uniform() * 100 >= percent) continue;
        return void timeline.after(n * intervalMs, () => done({ kind: "unhealthy", code: "probation_failed", detail: "an inference failed: simulated" }));
      }
      timeline.after(intervalMs === 0 ? ms : Math.min(ms, inferences * intervalMs), () => done({ kind: "healthy" }));
    });
  }

  #revert(to: SlotName | null, isMine: () => boolean, done: (event: AgentEvent | InstallFailure) => void): void {
    this.#device.stopModel();
    if (to === null) return done({ kind: "reverted", running: true });
    this.#run(to, isMine, (failure) => {
      if (failure !== null) this.keepRunning(to, 1);
      done({ kind: "reverted", running: failure === null });
    });
  }

  /** Runs a slot's model, trying until it works or something else is to run. */
  keepRunning(slot: SlotName, failures: number): void {
    const device = this.#device;
    const content = contentIn(device.state, slot);
    const { life } = device;
    const isWanted = (): boolean => device.life === life && !device.isDown && content !== null && device.state.active === slot && contentIn(device.state, slot) === content && !device.runs(content);
    if (content === null || !isWanted()) return;
    this.openModel(content, (opened) => {
      if (!isWanted()) return;
      if (!(opened instanceof ModelFailure)) return device.startModel(content, opened);
      device.context.timeline.after(backoffMs(failures, device.random, REOPEN_BACKOFF), () => this.keepRunning(slot, failures + 1));
    });
  }
}

function contentIn(state: AgentState, slot: SlotName): SlotContent | null {
  const held = state.slots[slot];
  return held.state === "empty" ? null : held.content;
}

/** An entity tag or a range that contradicts what was asked shows that these are other bytes. */
function fits(answer: Answer, ref: ArtifactRef, from: number): boolean {
  if (answer.etag !== undefined && answer.etag !== `"${ref.sha256}"`) return false;
  if (answer.status === 200) return true;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.contentRange ?? "");
  return range !== null && Number(range[1]) === from && (range[2] === "*" || Number(range[2]) === ref.sizeBytes);
}

