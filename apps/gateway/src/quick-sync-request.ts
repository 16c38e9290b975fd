import { HISTOGRAM_SLOTS, SYNC_LIMITS, type DeploymentReport, type DeviceClass, type RunningReport, type SlotReport, type SyncRequest, type TelemetryBatch, type TelemetryWindow } from "@flotilla/protocol";

// The schema of a sync (packages/protocol) written out by hand: it accepts what the schema accepts and makes of it what the
// schema makes, in a fraction of the time; quick-sync-request.test.ts holds the two together. What it does not accept is given to the
// schema, which has the last word and the words for it.

type Fields = Record<string, unknown>;

/** A pattern, and texts that were found to match it a moment ago: the devices of a fleet say the same few digests and classes over and over. */
class Repeated {
  readonly #pattern: RegExp;
  readonly #texts: (string | undefined)[] = Array.from({ length: 64 }, () => undefined);

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  matches(text: string): boolean {
    const place = (7 * text.charCodeAt(0) + text.charCodeAt(text.length - 1)) % this.#texts.length;
    if (this.#texts[place] === text) return true;
    if (!this.#pattern.test(text)) return false;
    this.#texts[place] = text;
    return true;
  }
}

const SHA256 = new Repeated(/^[0-9a-f]{64}$/);
const EPOCH = /^[0-9a-f]{16}$/;
const LABEL_VALUE = new Repeated(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
const MODES: ReadonlySet<unknown> = new Set(["back_to_back", "scheduled", "field", "simulated"]);
const SLOT_STATES: ReadonlySet<unknown> = new Set(["empty", "partial", "ready", "active", "bad"]);
const PHASES: ReadonlySet<unknown> = new Set(["downloading", "installing", "verifying", "succeeded", "failed"]);
const FAILURES: ReadonlySet<unknown> = new Set(["download", "io", "disk_full", "timeout", "digest_mismatch", "manifest_invalid", "incompatible", "load_failed", "probe_failed", "probation_failed", "cancelled"]);
const RECOVERIES: ReadonlySet<unknown> = new Set(["no_state_change", "rollback_complete", "unable_to_roll_back", "rollback_not_requested"]);

/** The sync that a parsed body holds; null when it is not one, or not one of the common form. */
export function quickSyncRequest(body: unknown): SyncRequest | null {
  if (!isFields(body)) return null;
  const { protocol, bootId, telemetry } = body;
  const report = reportOf(body["report"]);
  if (!isPositive(protocol) || !isText(bootId, 64) || bootId.length < 8 || report === null) return null;
  if (telemetry === undefined) return { protocol, bootId, report };
  const batch = telemetryOf(telemetry);
  return batch === null ? null : { protocol, bootId, report, telemetry: batch };
}

function reportOf(value: unknown): SyncRequest["report"] | null {
  if (!isFields(value)) return null;
  const { agentVersion, targetVersion, deployment } = value;
  const running = value["running"] === null ? null : runningOf(value["running"]);
  const slots = slotsOf(value["slots"]);
  const deviceClass = classOf(value["class"]);
  const resources = resourcesOf(value["resources"]);
  if (!isText(agentVersion, 32) || !isCount(targetVersion) || running === undefined || slots === null || deviceClass === null || resources === null) return null;
  const report = { agentVersion, targetVersion, running, slots, class: deviceClass, resources };
  if (deployment === undefined) return report;
  const said = deploymentOf(deployment);
  return said === null ? null : { ...report, deployment: said };
}

/** undefined when it is none. */
function runningOf(value: unknown): RunningReport | undefined {
  if (!isFields(value)) return undefined;
  const { buildId, manifestSha256, versionId, modelSha256, runningForMs } = value;
  if (!isId(buildId) || !isSha256(manifestSha256) || !isId(versionId) || !isSha256(modelSha256) || !isNotNegative(runningForMs)) return undefined;
  return { buildId, manifestSha256, versionId, modelSha256, runningForMs };
}

function slotsOf(value: unknown): SlotReport[] | null {
  if (!Array.isArray(value) || value.length > 2) return null;
  const slots: SlotReport[] = [];
  for (const item of value as unknown[]) {
    if (!isFields(item)) return null;
    const { slot, state, buildId, manifestSha256 } = item;
    if ((slot !== "a" && slot !== "b") || !SLOT_STATES.has(state)) return null;
    if ((buildId !== null && !isId(buildId)) || (manifestSha256 !== null && !isSha256(manifestSha256))) return null;
    slots.push({ slot, state: state as SlotReport["state"], buildId, manifestSha256 });
  }
  return slots;
}

function classOf(value: unknown): DeviceClass | null {
  if (!isFields(value)) return null;
  const { name, arch, isa, runtime, executionProvider, memoryBytes, simulated } = value;
  if (typeof name !== "string" || !LABEL_VALUE.matches(name) || !isText(arch, 32) || !isText(executionProvider, 64) || !isCount(memoryBytes) || typeof simulated !== "boolean") return null;
  if (!Array.isArray(isa) || isa.length > 64 || !isFields(runtime)) return null;
  const { name: runtimeName, version } = runtime;
  if (!isText(runtimeName, 64) || !isText(version, 64)) return null;
  for (const flag of isa as unknown[]) if (!isText(flag, 32)) return null;
  return { name, arch, isa: isa as string[], runtime: { name: runtimeName, version }, executionProvider, memoryBytes, simulated };
}

function resourcesOf(value: unknown): SyncRequest["report"]["resources"] | null {
  if (!isFields(value)) return null;
  const { rssBytes, freeMemoryBytes, freeDiskBytes, queuedWindows, temperatureC } = value;
  if (!isCount(rssBytes) || !isCount(freeMemoryBytes) || !isCount(freeDiskBytes) || !isCount(queuedWindows)) return null;
  if (temperatureC !== null && !(typeof temperatureC === "number" && temperatureC >= -100 && temperatureC <= 300)) return null;
  return { rssBytes, freeMemoryBytes, freeDiskBytes, queuedWindows, temperatureC };
}

function deploymentOf(value: unknown): DeploymentReport | null {
  if (!isFields(value)) return null;
  const { deploymentId, targetVersion, attempt, phase, bytesDone, bytesTotal, probe, failure } = value;
  if (!isId(deploymentId) || !isPositive(targetVersion) || !isPositive(attempt) || !PHASES.has(phase)) return null;
  const report: DeploymentReport = { deploymentId, targetVersion, attempt, phase: phase as DeploymentReport["phase"] };
  if (bytesDone !== undefined) {
    if (!isCount(bytesDone)) return null;
    report.bytesDone = bytesDone;
  }
  if (bytesTotal !== undefined) {
    if (!isCount(bytesTotal)) return null;
    report.bytesTotal = bytesTotal;
  }
  if (probe !== undefined) {
    if (!isFields(probe)) return null;
    const { passed, loadMs, maxAbsError } = probe;
    if (typeof passed !== "boolean" || !isNotNegative(loadMs) || (maxAbsError !== null && !isNotNegative(maxAbsError))) return null;
    report.probe = { passed, loadMs, maxAbsError };
  }
  if (failure !== undefined) {
    if (!isFields(failure)) return null;
    const { code, detail, recovery } = failure;
    if (!FAILURES.has(code) || !isText(detail, 1000) || !RECOVERIES.has(recovery)) return null;
    report.failure = { code: code as NonNullable<DeploymentReport["failure"]>["code"], detail, recovery: recovery as NonNullable<DeploymentReport["failure"]>["recovery"] };
  }
  return report;
}

function telemetryOf(value: unknown): TelemetryBatch | null {
  if (!isFields(value)) return null;
  const { epoch, first, last, windows: list, dropped } = value;
  if (typeof epoch !== "string" || !EPOCH.test(epoch) || !isPositive(first) || !isPositive(last)) return null;
  // Declared losses are rare: the schema checks how they and the windows lie.
  if (dropped !== undefined || !Array.isArray(list) || list.length > SYNC_LIMITS.windows || last - first + 1 !== list.length) return null;
  const windows: TelemetryWindow[] = [];
  for (const item of list as unknown[]) {
    const window = windowOf(item, first + windows.length);
    if (window === null) return null;
    windows.push(window);
  }
  return { epoch, first, last, windows };
}

function windowOf(value: unknown, wantedSeq: number): TelemetryWindow | null {
  if (!isFields(value)) return null;
  const { seq, buildId, versionId, mode, wallMs, ageMs, count, errors, sumMs, minMs, maxMs, buckets } = value;
  if (seq !== wantedSeq || !isId(buildId) || !isId(versionId) || !MODES.has(mode) || !Number.isSafeInteger(wallMs)) return null;
  if ((ageMs !== null && !isNotNegative(ageMs)) || !isCount(count) || !isCount(errors) || !isNotNegative(sumMs)) return null;
  if ((minMs !== null && !isNotNegative(minMs)) || (maxMs !== null && !isNotNegative(maxMs)) || !isSparse(buckets)) return null;
  return { seq: wantedSeq, buildId, versionId, mode: mode as TelemetryWindow["mode"], wallMs: wallMs as number, ageMs, count, errors, sumMs, minMs, maxMs, buckets };
}

function isSparse(value: unknown): value is number[] {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  let previous = -1;
  for (let i = 0; i < value.length; i += 2) {
    const slot = (value as unknown[])[i];
    const count = (value as unknown[])[i + 1];
    if (!isCount(slot) || slot <= previous || slot >= HISTOGRAM_SLOTS || !isPositive(count)) return false;
    previous = slot;
  }
  return true;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most;
}

function isId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 64;
}

function isSha256(value: unknown): value is string {
  return typeof value === "string" && SHA256.matches(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPositive(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isNotNegative(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value !== Number.POSITIVE_INFINITY;
}
