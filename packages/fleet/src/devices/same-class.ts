import type { DeviceClass } from "@flotilla/protocol";

/** Whether two statements of a class say the same. */
export function sameClass(a: DeviceClass, b: DeviceClass): boolean {
  return (
    a.name === b.name && a.arch === b.arch && a.executionProvider === b.executionProvider && a.memoryBytes === b.memoryBytes && a.simulated === b.simulated &&
    a.runtime.name === b.runtime.name && a.runtime.version === b.runtime.version && a.isa.length === b.isa.length && a.isa.every((flag, i) => flag === b.isa[i])
  );
}
