import type { Attribute, Dataset, File, Group, Metadata } from "h5wasm";

export type { Attribute, Dataset, File, Group };
export type H5Metadata = Metadata;

/** The part of the HDF5 library that reading takes. */
export type H5wasm = {
  /** In memory; it holds nothing but what is written into it. */
  readonly fileSystem: { writeFile(path: string, bytes: Uint8Array): void; unlink(path: string): void };
  open(path: string): File;
  isGroup(file: File, path: string): boolean;
  /** Null when the path is something else or nothing. */
  group(file: File, path: string): Group | null;
  dataset(file: File, path: string): Dataset | null;
};

/** Loads the library on first use: 4 MB that only a process which converts needs. The form for browsers, since the one for Node reads the machine's files. */
export async function loadHdf5(): Promise<H5wasm> {
  const { File, Group, Dataset, ready } = await import("h5wasm");
  const { FS: fileSystem, activate_throwing_error_handler: throwErrors } = await ready;
  // Otherwise each error is printed and the answer is a handle of -1.
  throwErrors();
  const at = (file: File, path: string) => (path === "/" ? file : file.get(path));
  return {
    fileSystem,
    open: (path) => new File(path, "r"),
    isGroup: (file, path) => orNull(() => at(file, path)) instanceof Group,
    group(file, path) {
      const found = orNull(() => at(file, path));
      return found instanceof Group ? found : null;
    },
    dataset(file, path) {
      const found = orNull(() => at(file, path));
      return found instanceof Dataset ? found : null;
    },
  };
}

/** A path that leads nowhere throws, with the handler above. */
function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
