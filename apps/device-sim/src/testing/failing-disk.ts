import type { AppendHandle, FsSteps } from "../agent/disk.ts";

/** Kinds of steps that change the disk. `grow` needs space; `sync` changes nothing by itself and can fail all the same. */
export type ChangeKind = "grow" | "change" | "sync";

/** The error of this step, counted from 1 over all that change the disk; null lets it through. */
export type Verdict = (index: number, kind: ChangeKind, path: string) => "ENOSPC" | "EIO" | "EROFS" | null;

/** The same disk, with errors. A write that fails has written half of its bytes before, as real ones do. */
export function failingSteps(steps: FsSteps, verdict: Verdict): FsSteps {
  let index = 0;
  async function step(kind: ChangeKind, path: string, work: () => Promise<void>, half: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    index += 1;
    const code = verdict(index, kind, path);
    if (code === null) return await work();
    if (code !== "EROFS") await half();
    throw Object.assign(new Error(`${code}: ${path}`), { code });
  }
  const halfOf = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length / 2);
  return {
    ...steps,
    async makeDirectory(path) {
      // One that is there is no change, and no error, also on a disk that takes none.
      if (await steps.list(path).then(() => true, () => false)) return;
      await step("grow", path, () => steps.makeDirectory(path));
    },
    writeFile: (path, bytes, mode) => step("grow", path, () => steps.writeFile(path, bytes, mode), () => steps.writeFile(path, halfOf(bytes), mode)),
    appendFile: (path, bytes) => step("grow", path, () => steps.appendFile(path, bytes), () => steps.appendFile(path, halfOf(bytes))),
    async openAppend(path) {
      let file = null as AppendHandle | null;
      await step("change", path, async () => {
        file = await steps.openAppend(path);
      });
      return {
        write: (bytes) => step("grow", path, async () => await file?.write(bytes), async () => await file?.write(halfOf(bytes))),
        sync: () => step("sync", path, async () => await file?.sync()),
        close: async () => await file?.close(),
      };
    },
    syncFile: (path) => step("sync", path, () => steps.syncFile(path)),
    truncate: (path, sizeBytes) => step("change", path, () => steps.truncate(path, sizeBytes)),
    syncDirectory: (path) => step("sync", path, () => steps.syncDirectory(path)),
    rename: (from, to) => step("change", to, () => steps.rename(from, to)),
    link: (from, to) => step("grow", to, () => steps.link(from, to)),
    removeFile: (path) => step("change", path, () => steps.removeFile(path)),
    removeTree: (path) => step("change", path, () => steps.removeTree(path)),
  };
}
