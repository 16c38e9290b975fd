import type { Split } from "../types.ts";

/** What a path in an archive says about the example: `test/cat/7.png` is a test example of class cat. */
export type FolderPlace = {
  readonly name: string;
  /** Null: it lies in no class folder. */
  readonly className: string | null;
  readonly split: Split | null;
};

const SPLIT_FOLDERS: Readonly<Record<string, Split>> = {
  train: "train",
  training: "train",
  calib: "calibration",
  calibration: "calibration",
  val: "validation",
  valid: "validation",
  validation: "validation",
  dev: "validation",
  test: "test",
  testing: "test",
  // As the MNIST files are called.
  t10k: "test",
};

/** The split a word stands for, if any: folders, names of files and of arrays use the same ones. */
export function splitOfWord(word: string): Split | null {
  return SPLIT_FOLDERS[word.toLowerCase()] ?? null;
}

/** Files that operating systems leave behind. */
export function isLitter(name: string): boolean {
  return /(^|\/)(__MACOSX\/|\.|Thumbs\.db$|desktop\.ini$)/i.test(name);
}

/**
 * Folders that all names share are dropped first (people pack a folder, not its content), as long as a class folder stays and the folder is not
 * a split itself. Then: [split/]class/any/deeper/file.
 */
export function folderPlaces(names: readonly string[]): FolderPlace[] {
  const folders = names.map((name) => name.split("/").slice(0, -1));
  const dropped = sharedFolders(folders);
  return names.map((name, at) => {
    const [first, second] = (folders[at] ?? []).slice(dropped);
    const split = first === undefined ? null : splitOfWord(first);
    return { name, split, className: (split === null ? first : second) ?? null };
  });
}

function sharedFolders(folders: readonly (readonly string[])[]): number {
  const first = folders[0] ?? [];
  let shared = 0;
  for (;;) {
    const folder = first[shared];
    if (folder === undefined || splitOfWord(folder) !== null) return shared;
    const canDrop = folders.every((path) => path[shared] === folder && path.length > shared + 1);
    if (!canDrop) return shared;
    shared += 1;
  }
}

/** The group of a file: its own name up to the first `prefixEnd`; a name without one is its own group. */
export function groupOf(name: string, prefixEnd: string | undefined): string | null {
  if (prefixEnd === undefined || prefixEnd === "") return null;
  const own = name.slice(name.lastIndexOf("/") + 1);
  const end = own.indexOf(prefixEnd);
  return end < 0 ? own : own.slice(0, end);
}
