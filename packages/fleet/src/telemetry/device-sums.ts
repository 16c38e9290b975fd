import { SparseSum } from "./latency-sum.ts";
import type { DeviceKey } from "./roll-up-store.ts";

/** A row of a single device, and what is to be added to it. */
export type DeviceSum = { readonly key: DeviceKey; readonly sum: SparseSum };

/** Sums of one batch by device and row. Most devices have one, so rows are found by the device alone and no name is put together for them. */
export class DeviceSums {
  readonly #byDevice = new Map<string, DeviceSum[]>();

  at(key: DeviceKey): SparseSum {
    const rows = this.#byDevice.get(key.device_id);
    const found = rows?.find((row) => isSameRow(row.key, key));
    if (found !== undefined) return found.sum;
    const added = { key, sum: new SparseSum() };
    if (rows === undefined) this.#byDevice.set(key.device_id, [added]);
    else rows.push(added);
    return added.sum;
  }

  /** Sorted by key: every transaction locks rows in this order. */
  sorted(): DeviceSum[] {
    return [...this.#byDevice.values()].flat().sort((a, b) => compareRows(a.key, b.key));
  }
}

/** Whether two rows of one device are the same. */
export function isSameRow(a: DeviceKey, b: DeviceKey): boolean {
  return a.at.getTime() === b.at.getTime() && a.step === b.step && a.version_id === b.version_id && a.build_id === b.build_id && a.mode === b.mode;
}

/** The order of the names that roll-up-store.ts gives to rows. */
function compareRows(a: DeviceKey, b: DeviceKey): number {
  return compare(a.device_id, b.device_id) || compare(a.build_id, b.build_id) || compare(a.version_id, b.version_id) || compare(a.mode, b.mode) || compare(a.step, b.step) || a.at.getTime() - b.at.getTime();
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
