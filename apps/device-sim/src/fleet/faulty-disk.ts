import { nodeFsSteps, type FsSteps } from "../agent/disk.ts";

/** The real file system, until the disk is said to be full: then nothing more can be written. */
export function fullableSteps(isFull: () => boolean, steps: FsSteps = nodeFsSteps): FsSteps {
  const room = (): void => {
    if (isFull()) throw Object.assign(new Error("ENOSPC: no space left on device (simulated)"), { code: "ENOSPC" });
  };
  return {
    ...steps,
    async makeDirectory(path) {
      room();
      await steps.makeDirectory(path);
    },
    async writeFile(path, bytes, mode) {
      room();
      await steps.writeFile(path, bytes, mode);
    },
    async appendFile(path, bytes) {
      room();
      await steps.appendFile(path, bytes);
    },
    async openAppend(path) {
      const file = await steps.openAppend(path);
      return {
        ...file,
        async write(bytes) {
          room();
          await file.write(bytes);
        },
      };
    },
    freeBytes: async (path) => (isFull() ? 0 : await steps.freeBytes(path)),
  };
}

/** Steps that write take longer by `wait`. */
export function slowSteps(wait: () => Promise<void>, steps: FsSteps): FsSteps {
  return {
    ...steps,
    async writeFile(path, bytes, mode) {
      await wait();
      await steps.writeFile(path, bytes, mode);
    },
    async appendFile(path, bytes) {
      await wait();
      await steps.appendFile(path, bytes);
    },
    async rename(from, to) {
      await wait();
      await steps.rename(from, to);
    },
    async syncDirectory(path) {
      await wait();
      await steps.syncDirectory(path);
    },
  };
}
