import { sqlOf, type Device, type Tx } from "@flotilla/db";
import { FleetError, type DeviceClass, type EnrollRequest, type Labels } from "@flotilla/protocol";
import { consumeEnrollmentToken, recordAudit } from "../access/index.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { labelsOf } from "./device-labels.ts";
import { touchRegistry } from "./registry-store.ts";

/** Keys that may wait for a person at one device: more would only be noise made by somebody with a token. */
const MAX_PENDING_KEYS = 5;

export type Enrolment = { kind: "enrolled"; deviceId: string } | { kind: "key_change_pending"; deviceId: string };

/**
 * Lets a device in. The caller has checked the proof of possession. Asking again with the same name and key gives the
 * same device and takes no further use of the token (its answer may have been lost). A known name with another key
 * never takes over: it waits for a person. Throws `enrollment_token_invalid`, `device_revoked`, `forbidden`.
 */
export async function enrolDevice(tx: Tx, request: EnrollRequest, meta: { requestId?: string } = {}): Promise<Enrolment> {
  // One enrolment of a name at a time; whoever waited sees what the other did.
  await sqlOf(tx).query("select pg_advisory_xact_lock(hashtextextended($1, 0))::text", [`enrol:${request.name}`]);
  const known = await tx.device.findUnique({ where: { name: request.name } });
  if (known === null) return await enrolNew(tx, request, meta);
  if (known.publicKey !== request.publicKey) return await askForKeyChange(tx, known, request, meta);
  if (known.state === "revoked") throw new FleetError("device_revoked", { public: "This device's credential was withdrawn." });
  await noteReportedClass(tx, { deviceId: known.id, class: request.class });
  return { kind: "enrolled", deviceId: known.id };
}

/** The device states another class than the stored one (a new runtime, another name): takes it over, with its labels. */
export async function noteReportedClass(tx: Tx, input: { deviceId: string; class: DeviceClass }): Promise<void> {
  const device = await tx.device.findUnique({ where: { id: input.deviceId } });
  if (device === null || sameClass(device.class as DeviceClass, input.class)) return;
  await tx.device.update({
    where: { id: device.id },
    data: { class: input.class, className: input.class.name, simulated: input.class.simulated, labels: labelsOf(input.class, device.labels as Labels) },
  });
  await recordAudit(tx, actorOf(device), { action: "device.class", objectKind: "device", objectId: device.id, objectName: device.name, detail: { before: device.class, after: input.class } });
  await touchRegistry(tx, [device.id]);
  await recordChange(tx, "device", device.id);
}

/** Whether two statements of a class say the same. */
export function sameClass(a: DeviceClass, b: DeviceClass): boolean {
  return (
    a.name === b.name && a.arch === b.arch && a.executionProvider === b.executionProvider && a.memoryBytes === b.memoryBytes && a.simulated === b.simulated &&
    a.runtime.name === b.runtime.name && a.runtime.version === b.runtime.version && a.isa.length === b.isa.length && a.isa.every((flag, i) => flag === b.isa[i])
  );
}

async function enrolNew(tx: Tx, request: EnrollRequest, meta: { requestId?: string }): Promise<Enrolment> {
  const token = await consumeEnrollmentToken(tx, request.token);
  const device = await tx.device.create({
    data: {
      id: newId("dev"),
      name: request.name,
      publicKey: request.publicKey,
      labels: labelsOf(request.class, request.labels, token.labels),
      className: request.class.name,
      class: request.class,
      simulated: request.class.simulated,
      enrollmentTokenId: token.id,
    },
  });
  await recordAudit(tx, { ...actorOf(device), ...meta }, { action: "device.enroll", objectKind: "device", objectId: device.id, objectName: device.name, detail: { class: request.class.name, token: token.id } });
  await touchRegistry(tx, [device.id]);
  await recordChange(tx, "device", device.id);
  return { kind: "enrolled", deviceId: device.id };
}

async function askForKeyChange(tx: Tx, known: Device, request: EnrollRequest, meta: { requestId?: string }): Promise<Enrolment> {
  const asked = await tx.deviceKeyChange.findMany({ where: { deviceId: known.id, OR: [{ state: "pending" }, { publicKey: request.publicKey }] }, orderBy: { id: "desc" } });
  const same = asked.find((row) => row.publicKey === request.publicKey);
  if (same?.state === "denied") throw new FleetError("forbidden", { public: "A person refused this key for this device." });
  if (same?.state === "pending") return { kind: "key_change_pending", deviceId: known.id };
  // Only a token holder may ask: else anybody could fill the list.
  await consumeEnrollmentToken(tx, request.token);
  if (asked.filter((row) => row.state === "pending").length >= MAX_PENDING_KEYS) {
    throw new FleetError("rate_limited", { public: `${MAX_PENDING_KEYS} keys wait for a decision at this device already.` });
  }
  const change = await tx.deviceKeyChange.create({ data: { id: newId("kch"), deviceId: known.id, publicKey: request.publicKey } });
  await recordAudit(tx, { ...actorOf(known), ...meta }, { action: "device.key_change_requested", objectKind: "device", objectId: known.id, objectName: known.name, detail: { keyChangeId: change.id, publicKey: request.publicKey } });
  await recordChange(tx, "device", known.id);
  return { kind: "key_change_pending", deviceId: known.id };
}

function actorOf(device: Device): { kind: "device"; id: string; name: string } {
  return { kind: "device", id: device.id, name: device.name };
}
