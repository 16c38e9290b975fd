import type { Sql } from "@flotilla/db";
import type { TelemetryWindow } from "@flotilla/protocol";
import { reportDeployments, type DeploymentReportItem } from "../rollouts/index.ts";
import { addToDevices } from "./device-latency-store.ts";
import { DeviceSums } from "./device-sums.ts";
import { IngestMemory } from "./ingest-memory.ts";
import type { LatencySum } from "./latency-sum.ts";
import { storeLive } from "./live-store.ts";
import { LATE_HOUR_AFTER_MS } from "./roll-up-plan.ts";
import { SumsByKey, addToRollUp, type FleetKey } from "./roll-up-store.ts";
import type { SyncItem, SyncOutcome } from "./sync-types.ts";
import { takeIntoLedgers, type LedgerTurn } from "./watermark-store.ts";
import { HOUR_MS, floorTo, placeWindow } from "./window-time.ts";

// One transaction per batch of syncs: ledgers, last states, latency and deployments move together or not at all, and
// devices are answered only after it has committed. Tables are always taken in this order (watermarks, live rows, device rows,
// minutes, hours of late windows, deployments) and rows within each in key order, so that gateways do not lock each other out.
// Minutes are shared by all gateways, so they come late: they are held shortest.

/** Every device counts into this fleet too. */
export const ALL_FLEETS = "*";

/**
 * Takes a batch of syncs: the one write of a gateway. Outcomes come in the order of the items. A device may appear more than
 * once; its items count in the order given. `memory` is kept by the caller from batch to batch, and told of each batch's end.
 */
export async function applySyncs(sql: Sql, items: readonly SyncItem[], memory: IngestMemory = new IngestMemory()): Promise<SyncOutcome[]> {
  if (items.length === 0) return [];
  memory.begin(Date.now());
  const turns = await takeIntoLedgers(sql, items);
  await storeLive(sql, items.filter((item) => item.isLiveStored !== true));
  await storeLatency(sql, turns, memory);
  await reportDeployments(sql, items.flatMap(reportsOf));
  return items.map((item, index) => outcomeOf(item, turns[index] ?? null));
}

/** What the device says about its deployment, and that the answer hands it a new one: from then on it has begun. */
function reportsOf({ deviceId, request: { report }, handedOut }: SyncItem): DeploymentReportItem[] {
  const said = report.deployment ? [{ deviceId, report: report.deployment, running: report.running }] : [];
  if (handedOut === undefined) return said;
  return [...said, { deviceId, report: { ...handedOut, attempt: 1, phase: "downloading" }, running: report.running }];
}

function outcomeOf(item: SyncItem, turn: LedgerTurn): SyncOutcome {
  const epoch = item.request.telemetry?.epoch;
  if (turn === null || epoch === undefined) return { deviceId: item.deviceId, ack: null, ledger: "none" };
  return { deviceId: item.deviceId, ack: { epoch, seq: turn.step.watermark }, ledger: turn.step.kind };
}

async function storeLatency(sql: Sql, turns: readonly LedgerTurn[], memory: IngestMemory): Promise<void> {
  const windows: TelemetryWindow[] = [];
  for (const turn of turns) if (turn?.step.kind === "stored") windows.push(...turn.step.windows);
  if (windows.length === 0) return;
  await memory.catalogue.learn(sql, windows, Date.now());
  const sums = new BatchSums(memory);
  for (const turn of turns) if (turn?.step.kind === "stored") for (const window of turn.step.windows) sums.add(turn.item, window);
  await addToDevices(sql, sums.devices, memory);
  await addToRollUp(sql, "latency_minute", sums.minutes.entries());
  if (sums.lateHours.size > 0) await sql.query("insert into latency_late_hour (at) select unnest($1::timestamptz[])", [[...sums.lateHours].map((ms) => new Date(ms))]);
}

/** The sums of one batch, by the rows they go to. */
class BatchSums {
  readonly devices = new DeviceSums();
  readonly minutes = new SumsByKey<FleetKey>();
  readonly lateHours = new Set<number>();
  readonly #memory: IngestMemory;
  readonly #dates = new Map<number, Date>();
  /** Few minutes, fleets and builds meet in a batch of many devices: their sums are found by one short text, or are those of the window before. */
  readonly #found = new Map<string, FoundSums>();
  #last: FoundSums | undefined;

  constructor(memory: IngestMemory) {
    this.#memory = memory;
  }

  add(item: SyncItem, window: TelemetryWindow): void {
    const receivedAtMs = item.receivedAt.getTime();
    const { minuteMs, isLate } = placeWindow(window, receivedAtMs);
    const hourMs = floorTo(minuteMs, HOUR_MS);
    const { buildId, versionId } = this.#memory.catalogue.keyOf(window);
    const { mode } = window;
    for (const sum of this.#fleetSums(item, { buildId, versionId, mode, minuteMs })) sum.addWindow(window, isLate);
    const key = { device_id: item.deviceId, build_id: buildId, version_id: versionId, mode };
    this.devices.at({ ...key, step: "hour", at: this.#dateOf(hourMs) }).addWindow(window, isLate);
    if (item.keepsMinutes) this.devices.at({ ...key, step: "minute", at: this.#dateOf(minuteMs) }).addWindow(window, isLate);
    if (receivedAtMs - (hourMs + HOUR_MS) > LATE_HOUR_AFTER_MS) this.lateHours.add(hourMs);
  }

  #fleetSums({ className, fleetIds }: SyncItem, row: { buildId: string; versionId: string; mode: string; minuteMs: number }): readonly LatencySum[] {
    const { buildId, versionId, mode, minuteMs } = row;
    const last = this.#last;
    if (last?.fleetIds === fleetIds && last.minuteMs === minuteMs && last.versionId === versionId && last.buildId === buildId && last.className === className && last.mode === mode) return last.sums;
    const name = `${minuteMs} ${buildId} ${versionId} ${mode} ${className} ${fleetIds.join(" ")}`;
    let found = this.#found.get(name);
    if (found === undefined) {
      const at = this.#dateOf(minuteMs);
      const sums = [...new Set([ALL_FLEETS, ...fleetIds])].map((fleetId) => this.minutes.at({ build_id: buildId, version_id: versionId, mode, fleet_id: fleetId, class_name: className, at }));
      this.#found.set(name, (found = { ...row, className, fleetIds, sums }));
    }
    this.#last = found;
    return found.sums;
  }

  #dateOf(ms: number): Date {
    let date = this.#dates.get(ms);
    if (date === undefined) this.#dates.set(ms, (date = new Date(ms)));
    return date;
  }
}

type FoundSums = { minuteMs: number; buildId: string; versionId: string; mode: string; className: string; fleetIds: readonly string[]; sums: readonly LatencySum[] };
