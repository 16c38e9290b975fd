import type { Device, Tx } from "@flotilla/db";
import { FleetError, labelsSchema, type DeviceClass, type Labels } from "@flotilla/protocol";
import { recordAudit } from "../access/index.ts";
import { recordChange } from "../changes/index.ts";
import { requireRole, type Principal } from "../principal.ts";
import { labelsOf } from "./device-labels.ts";
import { touchRegistry } from "./registry-store.ts";

/** Replaces a device's labels; "class" and "arch" stay what the device states. Takes effect on fleets at once. */
export async function setDeviceLabels(tx: Tx, principal: Principal, input: { deviceId: string; labels: Labels; reason?: string | undefined }): Promise<void> {
  requireRole(principal, "devices", "operator");
  const checked = labelsSchema.safeParse(input.labels);
  if (!checked.success) throw new FleetError("bad_request", { public: `Labels: ${checked.error.issues[0]?.message ?? "not valid"}.` });
  const device = await deviceRow(tx, input.deviceId);
  const labels = labelsOf(device.class as DeviceClass, checked.data);
  await tx.device.update({ where: { id: device.id }, data: { labels } });
  await finish(tx, principal, device, "device.labels", { reason: input.reason, detail: { before: device.labels, after: labels } });
}

/** Keeps latency by the minute for this device too, or no longer. */
export async function pinDevice(tx: Tx, principal: Principal, input: { deviceId: string; pinned: boolean }): Promise<void> {
  requireRole(principal, "devices", "operator");
  const device = await deviceRow(tx, input.deviceId);
  if (device.pinned === input.pinned) return;
  await tx.device.update({ where: { id: device.id }, data: { pinned: input.pinned } });
  await finish(tx, principal, device, input.pinned ? "device.pin" : "device.unpin", {});
}

/** Withdraws a device's credential: its access tokens stop working on every gateway within 2 s. Its history stays. */
export async function revokeDevice(tx: Tx, principal: Principal, input: { deviceId: string; reason?: string | undefined }): Promise<void> {
  requireRole(principal, "devices", "operator");
  const [device] = await tx.device.updateManyAndReturn({ where: { id: input.deviceId, state: "active" }, data: { state: "revoked", credentialGeneration: { increment: 1 } } });
  if (device === undefined) {
    await deviceRow(tx, input.deviceId);
    throw new FleetError("illegal_transition", { public: "The device's credential was withdrawn already." });
  }
  await finish(tx, principal, device, "device.revoke", { reason: input.reason });
}

/** The new key becomes the device's; what the old one signed or got stops working. Lets a revoked device in again. */
export async function approveKeyChange(tx: Tx, principal: Principal, input: { deviceId: string; reason?: string | undefined }): Promise<void> {
  requireRole(principal, "devices", "admin");
  const change = await pendingKey(tx, input.deviceId);
  const device = await tx.device.update({ where: { id: input.deviceId }, data: { publicKey: change.publicKey, credentialGeneration: { increment: 1 }, state: "active" } });
  await decide(tx, change.id, "approved");
  await finish(tx, principal, device, "device.key_change_approved", { reason: input.reason, detail: { keyChangeId: change.id } });
}

/** The new key is refused for good; the device keeps its old one. */
export async function denyKeyChange(tx: Tx, principal: Principal, input: { deviceId: string; reason?: string | undefined }): Promise<void> {
  requireRole(principal, "devices", "admin");
  const change = await pendingKey(tx, input.deviceId);
  const device = await deviceRow(tx, input.deviceId);
  await decide(tx, change.id, "denied");
  await finish(tx, principal, device, "device.key_change_denied", { reason: input.reason, detail: { keyChangeId: change.id } });
}

async function pendingKey(tx: Tx, deviceId: string): Promise<{ id: string; publicKey: string }> {
  const change = await tx.deviceKeyChange.findFirst({ where: { deviceId, state: "pending" }, orderBy: { id: "desc" } });
  if (change === null) throw new FleetError("illegal_transition", { public: "No other key waits for a decision at this device." });
  return change;
}

async function decide(tx: Tx, keyChangeId: string, state: "approved" | "denied"): Promise<void> {
  const { count } = await tx.deviceKeyChange.updateMany({ where: { id: keyChangeId, state: "pending" }, data: { state, decidedAt: new Date() } });
  if (count === 0) throw new FleetError("version_mismatch", { public: "Somebody else decided it first." });
}

async function deviceRow(tx: Tx, deviceId: string): Promise<Device> {
  const device = await tx.device.findUnique({ where: { id: deviceId } });
  if (device === null) throw new FleetError("not_found", { public: "There is no such device." });
  return device;
}

async function finish(tx: Tx, principal: Principal, device: Device, action: string, more: { reason?: string | undefined; detail?: unknown }): Promise<void> {
  await recordAudit(tx, principal, { action, objectKind: "device", objectId: device.id, objectName: device.name, ...more });
  await touchRegistry(tx, [device.id]);
  await recordChange(tx, "device", device.id);
}
