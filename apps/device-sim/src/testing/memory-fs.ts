import type { FsSteps } from "../agent/disk.ts";

/** A file system in memory, for tests that take thousands of steps. `fail` may throw before any step that writes. */
export function memoryFs(options: { fail?: (step: string, path: string) => void } = {}): FsSteps & { readonly files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  const guard = (step: string, path: string): void => options.fail?.(step, path);
  const existing = (path: string): Uint8Array => {
    const bytes = files.get(path);
    if (bytes === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return bytes;
  };
  const add = (path: string, bytes: Uint8Array): void => void files.set(path, Buffer.concat([files.get(path) ?? new Uint8Array(), bytes]));
  return {
    files,
    makeDirectory: (path) => Promise.resolve(guard("makeDirectory", path)),
    async writeFile(path, bytes) {
      guard("writeFile", path);
      files.set(path, Uint8Array.from(bytes));
    },
    async appendFile(path, bytes) {
      guard("appendFile", path);
      add(path, bytes);
    },
    async openAppend(path) {
      guard("openAppend", path);
      return {
        async write(bytes) {
          guard("write", path);
          add(path, bytes);
        },
        sync: () => Promise.resolve(),
        close: () => Promise.resolve(),
      };
    },
    async truncate(path, sizeBytes) {
      guard("truncate", path);
      files.set(path, existing(path).slice(0, sizeBytes));
    },
    syncFile: async (path) => {
      guard("syncFile", path);
      existing(path);
    },
    syncDirectory: async (path) => guard("syncDirectory", path),
    async rename(from, to) {
      guard("rename", from);
      files.set(to, existing(from));
      files.delete(from);
    },
    async link(from, to) {
      guard("link", to);
      files.set(to, existing(from));
    },
    async removeFile(path) {
      existing(path);
      files.delete(path);
    },
    async removeTree(path) {
      for (const name of files.keys()) if (name === path || name.startsWith(`${path}/`)) files.delete(name);
    },
    readFile: async (path) => existing(path),
    async *readChunks(path) {
      yield existing(path);
    },
    list: async (path) => [...files.keys()].filter((name) => name.startsWith(`${path}/`) && !name.slice(path.length + 1).includes("/")).map((name) => name.slice(path.length + 1)),
    sizeOf: async (path) => existing(path).length,
    freeBytes: () => Promise.resolve(2 ** 40),
  };
}
