import { cutCohorts } from "../cohorts.ts";
import { plan, type GroupCounts, type PlanCounts, type PlanHealth, type PlanWave, type Step } from "../plan.ts";
import { defaultPolicy, lostAfterMs } from "../policy.ts";
import { begunDeploymentStates, failedDeploymentStates, nextDeploymentState, nextRolloutState, nextWaveState, type DeploymentTransition, type RolloutTransition, type WaveTransition } from "../transitions.ts";
import type { DeploymentStateName, RolloutPolicy, RolloutStateName, WaveStateName } from "../types.ts";

// A rollout in memory, driven by the same plan and transition tables as the real one. What the database does in SQL is
// done here by the plainest loops, so that thousands of random histories can be tried.

/** `silentSinceMs`: when it went away; counts while it is not online. */
export type ModelDevice = { id: string; className: string; isOnline: boolean; silentSinceMs?: number };
type Part = { deviceId: string; className: string; wave: number; state: DeploymentStateName; offeredAtMs: number | null; deadlineMs: number | null; wasOffered: boolean };
type Wave = { position: number; percent: number; soakSeconds: number; maxFailurePercent: number; state: WaveStateName; openedAtMs: number | null; soakUntilMs: number | null };

const begun = begunDeploymentStates as readonly DeploymentStateName[];
const failed = failedDeploymentStates as readonly DeploymentStateName[];
const MAX_ROUNDS = 200;

export class ModelRollout {
  state: RolloutStateName = "draft";
  nowMs = 1_000_000;
  acknowledged = 0;
  readonly policy: RolloutPolicy;
  readonly waves: Wave[];
  readonly devices: Map<string, ModelDevice>;
  readonly parts = new Map<string, Part>();
  readonly back = new Map<string, Part>();
  readonly salt: string;
  /** Steps done, for messages of failing tests. */
  readonly log: string[] = [];

  constructor(devices: readonly ModelDevice[], waves: readonly { percent: number; soakSeconds: number; maxFailurePercent: number }[], salt: string, policy: Partial<RolloutPolicy> = {}) {
    this.devices = new Map(devices.map((device) => [device.id, { ...device }]));
    this.waves = waves.map((wave, position) => ({ ...wave, position, state: "pending", openedAtMs: null, soakUntilMs: null }));
    this.salt = salt;
    this.policy = { ...defaultPolicy, ...policy };
  }

  /** What a person or a rule asks for; false when the table refuses it. */
  order(event: RolloutTransition): boolean {
    const to = nextRolloutState(this.state, event);
    if (to === null) return false;
    if (event === "pause" || event === "halt" || event === "cancel") this.#withhold();
    if (event === "cancel") this.#close("cancel", (part) => part.state === "queued");
    if (event === "resume" && this.state === "halted") {
      this.#moveWaves("reopen");
      this.acknowledged = this.counts().groups.reduce((sum, group) => sum + group.failed + group.lost, 0);
    }
    if (event === "rollback" && this.state !== "rolling_back") {
      this.#close("cancel", (part) => part.state === "queued" || part.state === "offered");
      this.#close("supersede", (part) => begun.includes(part.state));
    } else if (event === "rollback") {
      for (const part of this.back.values()) if (failed.includes(part.state)) this.#offer(part, "offer_again");
    }
    if (event === "cancel" || event === "rollback" || event === "supersede") this.#moveWaves("end");
    this.log.push(`${this.state} ${event} ${to}`);
    this.state = to;
    return true;
  }

  /** What a device says; ignored when the table says so. */
  report(deviceId: string, event: DeploymentTransition): void {
    const part = this.state === "rolling_back" || this.state === "rolled_back" ? this.back.get(deviceId) : this.parts.get(deviceId);
    if (part === undefined) return;
    const to = nextDeploymentState(part.state, event);
    if (to === null) return;
    if (begun.includes(to) && !begun.includes(part.state)) part.deadlineMs = this.nowMs + this.policy.inProgressTimeoutMs;
    if (to === "verifying") part.deadlineMs = Math.min(part.deadlineMs ?? Number.POSITIVE_INFINITY, this.nowMs + this.policy.verifyTimeoutMs);
    part.state = to;
  }

  /** One evaluation, as `evaluate.ts` does it. */
  evaluate(): Step[] {
    for (const part of [...this.parts.values(), ...this.back.values()]) {
      if (begun.includes(part.state) && part.deadlineMs !== null && part.deadlineMs <= this.nowMs) this.#move(part, "expire");
    }
    const done: Step[] = [];
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const steps = this.plan();
      if (steps.length === 0) return done;
      for (const step of steps) this.#apply(step);
      done.push(...steps);
    }
    throw new Error(`the plan never comes to rest: ${done.slice(-5).map((step) => step.kind).join(", ")}`);
  }

  plan(): Step[] {
    const waves: PlanWave[] = this.waves;
    return plan({ state: this.state, policy: this.policy, acknowledgedFailures: this.acknowledged }, waves, this.counts(), this.health(), this.nowMs);
  }

  counts(): PlanCounts {
    const groups = new Map<string, GroupCounts>();
    for (const part of this.parts.values()) {
      const key = `${part.wave} ${part.className}`;
      const group = groups.get(key) ?? { wave: part.wave, className: part.className, queued: 0, offered: 0, begun: 0, succeeded: 0, failed: 0, superseded: 0, awaited: 0, lost: 0 };
      groups.set(key, group);
      if (part.state === "queued" || part.state === "offered" || part.state === "succeeded" || part.state === "superseded") group[part.state] += 1;
      if (begun.includes(part.state)) group.begun += 1;
      if (failed.includes(part.state)) group.failed += 1;
      if ((part.state === "queued" || part.state === "offered") && this.#isOnline(part)) group.awaited += 1;
      if (begun.includes(part.state) && this.isLost(part.deviceId)) group.lost += 1;
    }
    const back = [...this.back.values()];
    const parts = [...this.parts.values()];
    const isSpreading = this.state === "running" || this.state === "completed";
    const mayOffer = isSpreading && parts.some((part) => this.#isOfferable(part));
    const isFull = this.policy.maxInFlight !== null && this.inFlight() >= this.policy.maxInFlight;
    return {
      groups: [...groups.values()],
      missingMembers: this.state === "running" && [...this.devices.keys()].some((id) => !this.parts.has(id)),
      offerable: mayOffer && !isFull,
      isHeldByLimit: mayOffer && isFull,
      staleOffers: isSpreading && this.policy.maxInFlight !== null && parts.some((part) => this.#isStale(part)),
      missingRollbacks: this.state === "rolling_back" && parts.some((part) => part.wasOffered && !this.back.has(part.deviceId)),
      rollback: {
        begun: back.filter((part) => begun.includes(part.state)).length,
        awaited: back.filter((part) => part.state === "offered" && this.devices.get(part.deviceId)?.isOnline === true).length,
        failed: back.filter((part) => failed.includes(part.state)).length,
      },
    };
  }

  health(): PlanHealth {
    const newest = (position: number, of: (part: Part) => number | null): number | null =>
      [...this.parts.values()].filter((part) => part.wave === position).reduce<number | null>((max, part) => {
        const at = of(part);
        return at === null ? max : Math.max(max ?? 0, at);
      }, null);
    return {
      waves: this.waves.map(({ position }) => ({
        position, lastOfferAtMs: newest(position, (part) => part.offeredAtMs),
        lastHeardAtMs: newest(position, (part) => (part.state === "succeeded" ? this.#heardAtMs(part) : null)) ?? this.nowMs,
      })),
    };
  }

  /** Devices between offer and end. */
  inFlight(): number {
    return [...this.parts.values()].filter((part) => part.state === "offered" || begun.includes(part.state)).length;
  }

  #freePlaces(): number {
    return this.policy.maxInFlight === null ? Number.POSITIVE_INFINITY : this.policy.maxInFlight - this.inFlight();
  }

  /** A device goes away or comes back. */
  setOnline(deviceId: string, isOnline: boolean): void {
    const device = this.devices.get(deviceId);
    if (device === undefined || device.isOnline === isOnline) return;
    device.isOnline = isOnline;
    device.silentSinceMs = this.nowMs;
  }

  /** The device has been silent for so long that it counts as lost once it was handed the build. */
  isLost(deviceId: string): boolean {
    const device = this.devices.get(deviceId);
    return device?.isOnline === false && this.nowMs - (device.silentSinceMs ?? 0) > lostAfterMs(this.policy);
  }

  #isOnline(part: Part): boolean {
    return this.devices.get(part.deviceId)?.isOnline === true;
  }

  #heardAtMs(part: Part): number {
    return this.#isOnline(part) ? this.nowMs : (this.devices.get(part.deviceId)?.silentSinceMs ?? 0);
  }

  #isOfferable(part: Part): boolean {
    const wave = this.waves[part.wave];
    const isAsked = this.policy.maxInFlight === null || this.#isOnline(part);
    return part.state === "queued" && isAsked && wave !== undefined && ["active", "soaking", "passed"].includes(wave.state);
  }

  #isStale(part: Part): boolean {
    return part.state === "offered" && !this.#isOnline(part);
  }

  #apply(step: Step): void {
    this.log.push(step.kind);
    switch (step.kind) {
      case "plan_members": {
        const cohorts = cutCohorts([...this.devices.values()].map((d) => ({ deviceId: d.id, className: d.className })), this.waves.map((w) => w.percent), this.salt);
        for (const device of this.devices.values()) {
          if (this.parts.has(device.id)) continue;
          this.parts.set(device.id, { deviceId: device.id, className: device.className, wave: cohorts.get(device.id) ?? 0, state: "queued", offeredAtMs: null, deadlineMs: null, wasOffered: false });
        }
        return;
      }
      case "offer":
        // Small chunks on purpose: a real one is 5,000.
        for (const part of [...this.parts.values()].filter((p) => this.#isOfferable(p)).slice(0, Math.min(3, this.#freePlaces()))) this.#offer(part, "offer");
        return;
      case "take_back_stale":
        this.#withhold((part) => this.#isStale(part));
        return;
      case "open_wave":
        this.#moveWave(step.wave, "open").openedAtMs = this.nowMs;
        return;
      case "soak_wave":
        this.#moveWave(step.wave, "soak").soakUntilMs = step.untilMs;
        return;
      case "pass_wave":
        this.#moveWave(step.wave, "pass");
        return;
      case "lower_acknowledged":
        this.acknowledged = step.failures;
        return;
      case "create_rollbacks":
        for (const part of this.parts.values()) {
          if (!part.wasOffered || this.back.has(part.deviceId)) continue;
          this.back.set(part.deviceId, { ...part, state: "offered", offeredAtMs: this.nowMs, deadlineMs: null });
        }
        return;
      case "halt":
        this.#moveWave(step.wave, "fail");
        this.#mustOrder("halt");
        return;
      case "complete":
      case "supersede":
      case "all_back":
        this.#mustOrder(step.kind);
        return;
    }
  }

  #mustOrder(event: RolloutTransition): void {
    if (!this.order(event)) throw new Error(`the plan asks for ${event} in ${this.state}`);
  }

  #offer(part: Part, event: "offer" | "offer_again"): void {
    const mayOffer = this.state === "running" || this.state === "completed" || this.state === "rolling_back";
    if (!mayOffer) throw new Error(`offered while ${this.state}`);
    this.#move(part, event);
    part.offeredAtMs = this.nowMs;
    part.deadlineMs = null;
    part.wasOffered = true;
  }

  #move(part: Part, event: DeploymentTransition): void {
    const to = nextDeploymentState(part.state, event);
    if (to === null) throw new Error(`${event} is not possible in ${part.state}`);
    part.state = to;
  }

  #moveWave(position: number, event: WaveTransition): Wave {
    const wave = this.waves[position];
    const to = wave === undefined ? null : nextWaveState(wave.state, event);
    if (wave === undefined || to === null) throw new Error(`wave ${position} cannot ${event} in ${wave?.state}`);
    wave.state = to;
    return wave;
  }

  #moveWaves(event: WaveTransition): void {
    for (const wave of this.waves) {
      const to = nextWaveState(wave.state, event);
      if (to !== null) wave.state = to;
      if (to !== null && event === "reopen") wave.openedAtMs = this.nowMs;
    }
  }

  #withhold(which: (part: Part) => boolean = () => true): void {
    for (const part of this.parts.values()) {
      if (part.state !== "offered" || !which(part)) continue;
      this.#move(part, "withhold");
      part.offeredAtMs = null;
      part.wasOffered = false;
    }
  }

  #close(event: "cancel" | "supersede", which: (part: Part) => boolean): void {
    for (const part of this.parts.values()) if (which(part)) this.#move(part, event);
  }
}
