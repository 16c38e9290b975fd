import {
  FLOTILLA_VERSION, PROTOCOL_VERSION, SYNC_LIMITS, enrollResponseSchema, fleetErrorCodes, isRetryable, nonceResponseSchema, syncResponseSchema, tokenResponseSchema,
  type DeviceClass, type SyncResponse,
} from "@flotilla/protocol";
import { backoffMs } from "../../agent/backoff.ts";
import { deploymentReport, slotReports } from "../../agent/decide.ts";
import { retryAfterOf } from "../../agent/gateway-client.ts";
import { seededRandom, type Random } from "../../agent/random.ts";
import { EMPTY_STATE, type AgentState, type SlotContent } from "../../agent/state.ts";
import { crashRate, failPercent, skewMs, slowFactor, type Victim } from "../faults.ts";
import type { DevicePlan } from "../scenario.ts";
import type { CrowdContext } from "./crowd-context.ts";
import { CrowdInstall } from "./crowd-install.ts";
import { CrowdLedger, drawWindow } from "./crowd-ledger.ts";
import { sendThrough } from "./crowd-network.ts";
import type { Answer, Call } from "./exchange.ts";
import type { Profile } from "./model-lab.ts";
import type { Entry } from "./timeline.ts";

const ENROLL_BACKOFF = { baseMs: 1_000, capMs: 60_000 } as const;
/** As in the agent: see sync-loop.ts and access.ts there. */
const REVOKED_RETRY = { baseMs: 300_000, capMs: 300_000 } as const;
const SYNCS_WITHOUT_TELEMETRY = 20;
const HURRY_SPREAD_MS = 1_000;
const RENEW_BEFORE_MS = 60_000;

const NO_PLACES: readonly (() => void)[] = [];

type Failed = (why: string, retryAfterMs: number | undefined) => void;

/**
 * One small device: the agent's protocol and rules with a few hundred bytes of state of its own. Its disk is this object (a simulated power cut
 * leaves `state` and the ledger and takes everything else), its time is the timeline's, its model is the lab's.
 */
export class CrowdDevice {
  readonly plan: DevicePlan;
  readonly context: CrowdContext;
  readonly deviceClass: DeviceClass;
  readonly victim: Victim;
  readonly random: Random;
  state: AgentState = EMPTY_STATE;
  isDown = true;
  /** Counts starts: what belongs to an earlier one is void. */
  life = 0;
  deviceId: string | null;
  readonly #ledger: CrowdLedger;
  readonly #install: CrowdInstall;
  #bootId = "";
  #token: { value: string; renewAtMs: number } | null = null;
  #live: { content: SlotContent; profile: Profile; sinceMs: number; phaseMs: number } | null = null;
  /** Windows before this are in the ledger. */
  #windowsFromMs = 0;
  #next: Entry | null = null;
  #isSyncing = false;
  #isHurried = false;
  #failures = 0;
  #isOnline = false;
  #isRevoked = false;
  #withoutTelemetry = 0;
  /** Its places among the handshakes under way: a device that loses power gives them back. */
  #places: readonly (() => void)[] = NO_PLACES;

  constructor(plan: DevicePlan, context: CrowdContext, deviceId: string | null) {
    this.plan = plan;
    this.context = context;
    this.deviceId = deviceId;
    this.deviceClass = context.classOf.get(plan.class.name) as DeviceClass;
    this.victim = { name: plan.name, className: plan.class.name, luck: plan.luck };
    this.random = seededRandom(plan.seed);
    this.#ledger = new CrowdLedger(context.randomHex(8), context.scenario.queuedWindows, context.stats.windows);
    this.#install = new CrowdInstall(this);
    if (deviceId !== null) context.stats.enrolled += 1;
  }

  /** Power on. */
  start(): void {
    this.isDown = false;
    this.life += 1;
    this.#bootId = this.context.randomHex(16);
    this.#failures = 0;
    this.context.note(this.plan.name, "start");
    const { active, deployment } = this.state;
    if (active !== null && deployment?.phase !== "probation" && deployment?.phase !== "reverting") this.#install.keepRunning(active, 1);
    this.#install.advance();
    this.#syncIn(0);
  }

  /** Power off, with what a disk keeps kept. */
  #crash(downMs: number): void {
    this.context.stats.crashes += 1;
    this.context.note(this.plan.name, `crash for ${Math.round(downMs)} ms`);
    this.#closeWindows(this.context.timeline.nowMs(), Number.POSITIVE_INFINITY);
    this.#live = null;
    this.isDown = true;
    this.life += 1;
    this.#isSyncing = false;
    this.#token = null;
    this.#setOnline(false);
    this.#install.cut();
    for (const leave of this.#places) leave();
    this.context.timeline.cancel(this.#next);
    this.#next = this.context.timeline.after(downMs, () => this.start());
  }

  // ---- calls

  send(call: Call, take: (answer: Answer) => void): void {
    const { life } = this;
    sendThrough(this.context.net, { network: this.plan.network, random: this.random, victim: this.victim }, call, (answer) => {
      if (this.life === life && !this.isDown) take(answer);
    });
  }

  retryAfterOf(answer: Answer): number | undefined {
    return retryAfterOf(answer.retryAfter, this.context.timeline.wallMs()) ?? problemOf(answer).retryAfterMs;
  }

  /** Gives an access token that is good for a while, fetching one when needed. */
  withToken(take: (token: string) => void, failed: Failed): void {
    const held = this.#token;
    if (held !== null && this.context.timeline.nowMs() < held.renewAtMs) return take(held.value);
    const { deviceId } = this;
    if (deviceId === null) return failed("not enrolled", undefined);
    this.#handshake(failed, (leave) => {
      this.#nonce(leave, (nonce) => {
        const body = JSON.stringify(this.context.keys.signedTokenRequest(this.plan.name, { deviceId, nonce }));
        this.send({ method: "POST", path: "/device/v1/token", body }, (answer) => {
          const parsed = answer.status === 200 ? tokenResponseSchema.safeParse(jsonOf(answer)).data : undefined;
          if (parsed === undefined) return leave(answer);
          const lifeMs = parsed.expiresInSeconds * 1_000;
          this.#token = { value: parsed.token, renewAtMs: this.context.timeline.nowMs() + Math.max(lifeMs - RENEW_BEFORE_MS, lifeMs / 2) };
          this.#isRevoked = false;
          leave(null);
          take(parsed.token);
        });
      });
    });
  }

  /** Runs a handshake in its turn; `leave(answer)` ends it with what the server said instead. */
  #handshake(failed: Failed, work: (leave: (refusal: Answer | null) => void) => void): void {
    const { life } = this;
    const { handshakes } = this.context;
    handshakes.enter(() => {
      let isIn = true;
      const out = (): void => {
        if (isIn) handshakes.leave();
        isIn = false;
        this.#places = this.#places.filter((place) => place !== out);
      };
      if (this.life !== life || this.isDown) return out();
      this.#places = [...this.#places, out];
      work((refusal) => {
        out();
        if (refusal === null) return;
        this.#noteRefusal(refusal);
        failed(reasonOf(refusal), this.retryAfterOf(refusal));
      });
    });
  }

  #nonce(leave: (refusal: Answer) => void, take: (nonce: string) => void): void {
    this.send({ method: "GET", path: "/device/v1/nonce" }, (answer) => {
      const parsed = answer.status === 200 ? nonceResponseSchema.safeParse(jsonOf(answer)).data : undefined;
      if (parsed === undefined) leave(answer);
      else take(parsed.nonce);
    });
  }

  #enroll(): void {
    const token = this.context.enrollmentToken;
    if (token === null) return this.context.refused("this device is not enrolled yet: give an enrolment token (--token)");
    this.#isSyncing = true;
    const failed: Failed = (why, retryAfterMs) => {
      this.#isSyncing = false;
      this.context.stats.error(why);
      this.#failures += 1;
      this.#syncIn(backoffMs(this.#failures, this.random, ENROLL_BACKOFF, retryAfterMs));
    };
    this.#handshake(failed, (leave) => {
      this.#nonce(leave, (nonce) => {
        const { plan } = this;
        const request = this.context.keys.signedEnrolment({ token, name: plan.name, nonce, protocol: PROTOCOL_VERSION, class: this.deviceClass, labels: plan.labels });
        this.send({ method: "POST", path: "/device/v1/enroll", body: JSON.stringify(request) }, (answer) => {
          const parsed = answer.status === 200 || answer.status === 201 ? enrollResponseSchema.safeParse(jsonOf(answer)).data : undefined;
          if (parsed === undefined) {
            this.#stopWhenRefused(answer);
            return leave(answer);
          }
          leave(null);
          this.deviceId = parsed.deviceId;
          this.#isSyncing = false;
          this.#failures = 0;
          this.context.stats.enrolled += 1;
          this.context.enrolled(plan.name, parsed.deviceId);
          this.context.note(plan.name, "enrolled");
          this.#syncIn(0);
        });
      });
    });
  }

  /** A token that the server refuses will not get better: the fleet's owner hears of it. */
  #stopWhenRefused(answer: Answer): void {
    const { code, detail } = problemOf(answer);
    const known = fleetErrorCodes.find((one) => one === code);
    if (known !== undefined && known !== "key_change_pending" && !isRetryable(known)) this.context.refused(`${detail ?? "the server said no"} (${known})`);
  }

  #noteRefusal(answer: Answer): void {
    const { code } = problemOf(answer);
    if (code === "device_revoked") {
      this.#isRevoked = true;
      this.#token = null;
    }
    if (code === "device_unknown" && this.context.enrollmentToken !== null) {
      this.deviceId = null;
      this.context.stats.enrolled -= 1;
    }
  }

  // ---- syncs

  /** Report soon: something happened that people wait for. */
  hurry(): void {
    this.#isHurried = true;
    if (this.#isSyncing || this.#failures > 0 || this.isDown || this.#next === null) return;
    const leftMs = this.#next.atMs - this.context.timeline.nowMs();
    if (leftMs > 0) this.#syncIn(this.random.uniform() * Math.min(HURRY_SPREAD_MS, leftMs));
  }

  /** The next call after `waitMs`, unless the device loses power before. */
  #syncIn(waitMs: number): void {
    const { timeline } = this.context;
    timeline.cancel(this.#next);
    const rate = crashRate(this.context.faults(), this.victim);
    const crashInMs = rate === null ? Number.POSITIVE_INFINITY : -Math.log(1 - this.random.uniform()) * rate.meanMs;
    if (rate !== null && crashInMs < waitMs) this.#next = timeline.after(crashInMs, () => this.#crash(rate.downMs));
    else this.#next = timeline.after(waitMs, () => this.#call());
  }

  #call(): void {
    this.#next = null;
    if (this.isDown) return;
    if (this.deviceId === null) return this.#enroll();
    this.#isSyncing = true;
    this.withToken((token) => this.#sync(token, true), (why, retryAfterMs) => this.#failed(why, retryAfterMs));
  }

  #sync(token: string, mayRenew: boolean): void {
    const { timeline, stats } = this.context;
    const sentMs = timeline.nowMs();
    this.#closeWindows(sentMs, SYNC_LIMITS.windows);
    const telemetry = this.#withoutTelemetry > 0 ? null : this.#ledger.batch(sentMs, this.#bootId);
    this.#withoutTelemetry = Math.max(this.#withoutTelemetry - 1, 0);
    this.#isHurried = false;
    this.send({ method: "POST", path: "/device/v1/sync", token, body: this.#request(telemetry, sentMs) }, (answer) => {
      const response = answer.status === 200 ? syncResponseOf(answer) : null;
      if (response !== null) {
        stats.synced(timeline.nowMs() - sentMs);
        return this.#synced(response);
      }
      if (answer.status === 401 && mayRenew && problemOf(answer).code !== "device_unknown") {
        this.#token = null;
        return this.withToken((renewed) => this.#sync(renewed, false), (why, retryAfterMs) => this.#failed(why, retryAfterMs));
      }
      if (telemetry !== null && (answer.status === 400 || answer.status === 413)) this.#withoutTelemetry = SYNCS_WITHOUT_TELEMETRY;
      this.#noteRefusal(answer);
      this.#failed(reasonOf(answer), this.retryAfterOf(answer));
    });
  }

  #request(telemetry: object | null, nowMs: number): string {
    const { state } = this;
    const deployment = deploymentReport(state, this.#install.progress);
    const live = this.#live;
    return JSON.stringify({
      protocol: PROTOCOL_VERSION,
      bootId: this.#bootId,
      report: {
        agentVersion: FLOTILLA_VERSION,
        targetVersion: state.target?.targetVersion ?? 0,
        running: live === null ? null : {
          buildId: live.content.buildId, manifestSha256: live.content.manifestSha256, versionId: live.content.versionId, modelSha256: live.content.modelSha256,
          runningForMs: Math.round(nowMs - live.sinceMs),
        },
        slots: slotReports(state),
        ...(deployment === null ? {} : { deployment }),
        class: this.deviceClass,
        resources: {
          rssBytes: SIMULATED_RSS_BYTES, freeMemoryBytes: Math.max(this.deviceClass.memoryBytes - SIMULATED_RSS_BYTES, 0), freeDiskBytes: SIMULATED_DISK_BYTES,
          queuedWindows: this.#ledger.waiting, temperatureC: null,
        },
      },
      ...(telemetry === null ? {} : { telemetry }),
    });
  }

  #synced(response: SyncResponse): void {
    this.#isSyncing = false;
    this.#failures = 0;
    this.#setOnline(true);
    if (response.ack !== undefined) this.#ledger.acknowledge(response.ack, () => this.context.randomHex(8));
    if (response.target !== undefined) this.#install.post({ kind: "target", target: response.target });
    for (const command of response.commands) this.#install.post({ kind: "cancel", deploymentId: command.deploymentId });
    const ownMs = this.context.scenario.syncIntervalMs;
    const waitMs = ownMs === undefined ? response.syncAfterMs : ownMs * (0.5 + this.random.uniform());
    this.context.note(this.plan.name, `sync, next in ${Math.round(waitMs)} ms`);
    this.#syncIn(this.#isHurried ? this.random.uniform() * Math.min(HURRY_SPREAD_MS, waitMs) : waitMs);
  }

  #failed(why: string, retryAfterMs: number | undefined): void {
    this.#isSyncing = false;
    this.context.stats.error(why);
    this.#setOnline(false);
    this.#failures += 1;
    const waitMs = backoffMs(this.#failures, this.random, this.#isRevoked ? REVOKED_RETRY : undefined, retryAfterMs);
    this.context.note(this.plan.name, `${why}, again in ${Math.round(waitMs)} ms`);
    this.#syncIn(waitMs);
  }

  #setOnline(isOnline: boolean): void {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    this.context.stats.online += isOnline ? 1 : -1;
  }

  // ---- the model

  runs(content: SlotContent): boolean {
    return this.#live?.content.manifestSha256 === content.manifestSha256 && this.#live.content.versionId === content.versionId;
  }

  startModel(content: SlotContent, profile: Profile): void {
    this.stopModel();
    const nowMs = this.context.timeline.nowMs();
    const phaseMs = nowMs + this.random.uniform() * this.context.scenario.inferenceIntervalMs;
    this.#live = { content, profile, sinceMs: nowMs, phaseMs };
    this.#windowsFromMs = nowMs;
    this.context.note(this.plan.name, `runs ${content.buildName}`);
  }

  stopModel(): void {
    if (this.#live === null) return;
    const nowMs = this.context.timeline.nowMs();
    this.#closeWindows(nowMs, Number.POSITIVE_INFINITY);
    this.#drawOne(this.#windowsFromMs, nowMs);
    this.#live = null;
  }

  /**
   * Windows are drawn when they are asked for: at a sync, or when the model or the power goes. A device without a server draws none, and what would
   * not fit its queue any more is declared lost without having been drawn.
   */
  #closeWindows(nowMs: number, most: number): void {
    const { windowMs, inferenceIntervalMs, queuedWindows } = this.context.scenario;
    if (this.#live === null || inferenceIntervalMs === 0) return;
    const gridMs = this.#gridMs();
    const endOfLast = Math.floor((nowMs - gridMs) / windowMs) * windowMs + gridMs;
    const pending = Math.ceil((endOfLast - this.#windowsFromMs) / windowMs);
    if (pending > queuedWindows) {
      this.#ledger.addLost(pending - queuedWindows);
      this.#windowsFromMs = endOfLast - queuedWindows * windowMs;
    }
    while (this.#windowsFromMs < endOfLast && this.#ledger.waiting < most) {
      const startMs = Math.floor((this.#windowsFromMs - gridMs) / windowMs) * windowMs + gridMs;
      this.#drawOne(this.#windowsFromMs, startMs + windowMs);
      this.#windowsFromMs = startMs + windowMs;
    }
  }

  /** Windows lie on whole wall-clock multiples of their length. */
  #gridMs(): number {
    const { timeline, scenario } = this.context;
    return -((timeline.wallMs() - timeline.nowMs()) % scenario.windowMs);
  }

  #drawOne(fromMs: number, toMs: number): void {
    const live = this.#live;
    const { timeline, scenario, stats } = this.context;
    if (live === null || scenario.inferenceIntervalMs === 0) return;
    const faults = this.context.faults();
    const factor = this.plan.class.speedFactor * slowFactor(faults, this.victim);
    const failing = failPercent(faults, this.victim);
    const { samples } = live.profile;
    const gridMs = this.#gridMs();
    const startMs = Math.floor((fromMs - gridMs) / scenario.windowMs) * scenario.windowMs + gridMs;
    const window = drawWindow({
      buildId: live.content.buildId, versionId: live.content.versionId, boot: this.#bootId, startMs, fromMs, toMs,
      wallMs: timeline.wallMs() - timeline.nowMs() + startMs + skewMs(faults, this.victim, startMs),
      intervalMs: scenario.inferenceIntervalMs, phaseMs: live.phaseMs,
      draw: () => {
        const at = Math.floor(this.random.uniform() * samples.length);
        if (failing > 0 && this.random.uniform() * 100 < failing) {
          stats.inferenceErrors += 1;
          return null;
        }
        const latencyMs = (samples[at] ?? 0) * factor;
        stats.inferenceMs.add(latencyMs);
        return latencyMs;
      },
    });
    if (window !== null) this.#ledger.add(window);
  }
}

/** What a small device says of itself: an agent of about 120 MB and a half full card. */
const SIMULATED_RSS_BYTES = 120 * 2 ** 20;
const SIMULATED_DISK_BYTES = 8 * 2 ** 30;

function jsonOf(answer: Answer): unknown {
  try {
    return JSON.parse(answer.body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** A sync's answer. The usual one, without target and commands, is checked by hand: a schema would be a third of its cost. */
function syncResponseOf(answer: Answer): SyncResponse | null {
  const json = jsonOf(answer) as Partial<SyncResponse> | undefined;
  if (json === undefined || json === null || typeof json !== "object") return null;
  const { ack } = json;
  const isUsual = json.target === undefined && Array.isArray(json.commands) && json.commands.length === 0 && Number.isInteger(json.syncAfterMs) && (json.syncAfterMs ?? 0) > 0 && (ack === undefined || (typeof ack === "object" && typeof ack.epoch === "string" && Number.isInteger(ack.seq)));
  if (isUsual) return json as SyncResponse;
  return syncResponseSchema.safeParse(json).data ?? null;
}

function problemOf(answer: Answer): { code?: string; detail?: string; retryAfterMs?: number } {
  if (answer.status === 0 || answer.status === 200) return {};
  const json = jsonOf(answer);
  return typeof json === "object" && json !== null ? (json as { code?: string; detail?: string; retryAfterMs?: number }) : {};
}

/** A short word for counting. */
function reasonOf(answer: Answer): string {
  if (answer.status === 0) return answer.broke ?? "no answer";
  if (answer.status === 200 || answer.status === 201) return "not of the protocol";
  return problemOf(answer).code ?? `http_${answer.status}`;
}
