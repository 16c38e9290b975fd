import type { Sql } from "@flotilla/db";
import type { TelemetryWindow } from "@flotilla/protocol";
import { reportDeployments, type DeploymentReportItem } from "../rollouts/index.ts";
import { storeLive } from "./live-store.ts";
import { LATE_HOUR_AFTER_MS } from "./roll-up-plan.ts";
import { SumsByKey, addToRollUp, type DeviceKey, type FleetKey } from "./roll-up-store.ts";
import type { SyncItem, SyncOutcome } from "./sync-types.ts";
import { VariantCatalogue } from "./variant-catalogue-store.ts";
import { takeIntoLedgers, type LedgerTurn } from "./watermark-store.ts";
import { HOUR_MS, floorTo, placeWindow } from "./window-time.ts";

// One transaction per batch of syncs: ledgers, last states, latency and deployments move together or not at all, and
// devices are answered only after it has committed. Tables are always taken in this order (watermarks, live rows,
// minutes, hours of late windows, device rows, deployments) and rows within each in key order, so that gateways cannot lock each other out.

/** Every device counts into this fleet too. */
export const ALL_FLEETS = "*";

/**
 * Takes a batch of syncs: the one write of a gateway. Outcomes come in the order of the items. A device may appear more than
 * once; its items count in the order given. `catalogue` is kept by the caller from batch to batch.
 */
export async function applySyncs(sql: Sql, items: readonly SyncItem[], catalogue: VariantCatalogue = new VariantCatalogue()): Promise<SyncOutcome[]> {
  if (items.length === 0) return [];
  const turns = await takeIntoLedgers(sql, items);
  await storeLive(sql, items);
  await storeLatency(sql, turns, catalogue);
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

async function storeLatency(sql: Sql, turns: readonly LedgerTurn[], catalogue: VariantCatalogue): Promise<void> {
  const stored = turns.flatMap((turn) => (turn?.step.kind === "stored" ? turn.step.windows.map((window) => ({ item: turn.item, window })) : []));
  if (stored.length === 0) return;
  await catalogue.learn(sql, stored.map(({ window }) => window), Date.now());
  const minutes = new SumsByKey<FleetKey>();
  const devices = new SumsByKey<DeviceKey>();
  const lateHours = new Set<number>();
  for (const { item, window } of stored) addWindow(item, window, catalogue, { minutes, devices, lateHours });
  await addToRollUp(sql, "latency_minute", minutes);
  if (lateHours.size > 0) await sql.query("insert into latency_late_hour (at) select unnest($1::timestamptz[])", [[...lateHours].map((ms) => new Date(ms))]);
  await addToRollUp(sql, "device_latency", devices);
}

function addWindow(
  item: SyncItem,
  window: TelemetryWindow,
  catalogue: VariantCatalogue,
  into: { minutes: SumsByKey<FleetKey>; devices: SumsByKey<DeviceKey>; lateHours: Set<number> },
): void {
  const receivedAtMs = item.receivedAt.getTime();
  const { minuteMs, isLate } = placeWindow(window, receivedAtMs);
  const hourMs = floorTo(minuteMs, HOUR_MS);
  const { buildId, versionId } = catalogue.keyOf(window);
  const key = { build_id: buildId, version_id: versionId, mode: window.mode };
  for (const fleetId of new Set([ALL_FLEETS, ...item.fleetIds])) {
    into.minutes.at({ ...key, fleet_id: fleetId, class_name: item.className, at: new Date(minuteMs) }).addWindow(window, isLate);
  }
  into.devices.at({ ...key, device_id: item.deviceId, step: "hour", at: new Date(hourMs) }).addWindow(window, isLate);
  if (item.keepsMinutes) into.devices.at({ ...key, device_id: item.deviceId, step: "minute", at: new Date(minuteMs) }).addWindow(window, isLate);
  if (receivedAtMs - (hourMs + HOUR_MS) > LATE_HOUR_AFTER_MS) into.lateHours.add(hourMs);
}
