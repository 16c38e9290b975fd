import type { Tx } from "@flotilla/db";
import type { DeviceClass, Labels } from "@flotilla/protocol";
import { recordAudit } from "../access/index.ts";
import { recordChange } from "../changes/index.ts";
import { labelsOf } from "./device-labels.ts";
import { touchRegistry } from "./registry-store.ts";
import { sameClass } from "./same-class.ts";

/** The device states another class than the stored one (a new runtime, another name): takes it over, with its labels. */
export async function noteReportedClass(tx: Tx, input: { deviceId: string; class: DeviceClass }): Promise<void> {
  const device = await tx.device.findUnique({ where: { id: input.deviceId } });
  if (device === null || sameClass(device.class as DeviceClass, input.class)) return;
  await tx.device.update({
    where: { id: device.id },
    data: { class: input.class, className: input.class.name, simulated: input.class.simulated, labels: labelsOf(input.class, device.labels as Labels) },
  });
  const actor = { kind: "device", id: device.id, name: device.name } as const;
  await recordAudit(tx, actor, { action: "device.class", objectKind: "device", objectId: device.id, objectName: device.name, detail: { before: device.class, after: input.class } });
  await touchRegistry(tx, [device.id]);
  await recordChange(tx, "device", device.id);
}
