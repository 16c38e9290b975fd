import { createHash } from "node:crypto";
import { dirname, basename } from "node:path";
import type { FsSteps } from "../agent/disk.ts";
import { seededRandom, type Random } from "../agent/random.ts";

/*
 * A disk in memory that remembers every operation, and the disks that a power cut may leave behind.
 *
 * The model is POSIX at its least friendly. A file's bytes and length are only sure up to its last fsync: each 512-byte sector written
 * since may have reached the disk or not, in any order, and the length may be ahead of the bytes (what was not written then reads as zeros
 * or as garbage). A folder's entries are only sure up to the folder's last fsync: each entry made, renamed or removed since may be there or not,
 * whatever became of the others; a rename is seen as done or not done, never as half. An fsync of a file says nothing of its name. A sector
 * is written whole or not at all. A process that dies (kill -9) loses nothing: the system keeps what it had been given.
 *
 * Where a moment allows few disks, all are made. Else: nothing unsynced, everything, every prefix in time, every single operation alone and
 * every single one missing, each way to tear each unsynced file (with all else done, and with nothing else done), and some chosen by a seeded die.
 */

export const SECTOR_BYTES = 512;

type Op =
  | { readonly kind: "create"; readonly dir: number; readonly name: string; readonly inode: number; readonly isFolder: boolean }
  | { readonly kind: "link"; readonly dir: number; readonly name: string; readonly inode: number }
  | { readonly kind: "rename"; readonly dir: number; readonly from: string; readonly to: string; readonly inode: number }
  | { readonly kind: "unlink"; readonly dir: number; readonly name: string }
  | { readonly kind: "write"; readonly inode: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly inode: number; readonly sizeBytes: number }
  | { readonly kind: "syncFile"; readonly inode: number }
  | { readonly kind: "syncDirectory"; readonly dir: number };

/** Files by absolute path; the folders are those above them and those named. */
export type DiskImage = { readonly files: ReadonlyMap<string, Uint8Array>; readonly folders: ReadonlySet<string> };

type Inode = { readonly kind: "file"; bytes: Uint8Array } | { readonly kind: "folder"; readonly entries: Map<string, number> };

/** The steps of one process on the disk; after `kill` none of its steps ever resolves, and none of them does anything. */
export type DiskLife = { readonly steps: FsSteps; kill(): void };

export type CrashDisk<Note> = {
  /** Another process on the same disk; with `dieAfter` it dies once that many operations were done. */
  life(options?: { readonly dieAfter?: number }): DiskLife;
  /** What the operation was; "none" where there is none. */
  kindOf(index: number): Op["kind"] | "none";
  /** Operations so far. */
  size(): number;
  /** Disks that a power cut after the first `at` operations may leave, and what `note` said then. */
  crashesAfter(at: number): { readonly note: Note; readonly images: DiskImage[] };
  image(): DiskImage;
};

/** A disk that holds `start` (all of it durable) under the folder `root`. `note` is asked before each operation. */
export function createCrashDisk<Note>(root: string, options: { readonly start?: DiskImage; readonly note: () => Note; readonly seed?: number; readonly thorough?: boolean }): CrashDisk<Note> {
  const inodes: Inode[] = [{ kind: "folder", entries: new Map() }];
  const log: { readonly op: Op; readonly note: Note }[] = [];
  const tree = createTree(inodes, root);
  if (options.start !== undefined) tree.fill(options.start);
  const begin = inodes.map((inode): Inode => (inode.kind === "file" ? { kind: "file", bytes: inode.bytes } : { kind: "folder", entries: new Map(inode.entries) }));

  function perform(op: Op): void {
    log.push({ op, note: options.note() });
    apply(inodes, op);
  }

  return {
    size: () => log.length,
    image: () => tree.image(),
    crashesAfter(at) {
      const unsure = replay(begin, log.slice(0, at).map(({ op }) => op));
      const images = choicesOf(unsure, seededRandom((options.seed ?? 1) * 7_919 + at), options.thorough ?? true).map((choice) => imageOf(root, unsure, choice));
      return { note: log[at]?.note ?? options.note(), images };
    },
    kindOf: (index) => log[index]?.op.kind ?? "none",
    life(given = {}) {
      let isKilled = false;
      const isDead = (): boolean => isKilled || log.length >= (given.dieAfter ?? Number.POSITIVE_INFINITY);
      const alive = <T>(work: () => T): Promise<T> => (isDead() ? new Promise<T>(() => undefined) : new Promise((resolve) => resolve(work())));
      return { steps: stepsOn(tree, perform, alive), kill: () => void (isKilled = true) };
    },
  };
}

/** A plain disk in memory with folders, that starts as `image`. */
export function diskFrom(root: string, image: DiskImage): FsSteps {
  return createCrashDisk(root, { start: image, note: () => null }).life().steps;
}

type Tree = {
  inodeAt(path: string): number;
  find(path: string): number | null;
  fresh(inode: Inode): number;
  folder(id: number): Map<string, number>;
  file(id: number): Uint8Array;
  fill(image: DiskImage): void;
  image(): DiskImage;
  readonly root: string;
};

function createTree(inodes: Inode[], root: string): Tree {
  const missing = (path: string): Error => Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
  const folder = (id: number): Map<string, number> => {
    const inode = inodes[id];
    if (inode?.kind !== "folder") throw Object.assign(new Error(`ENOTDIR: inode ${id}`), { code: "ENOTDIR" });
    return inode.entries;
  };
  const file = (id: number): Uint8Array => {
    const inode = inodes[id];
    if (inode?.kind !== "file") throw Object.assign(new Error(`EISDIR: inode ${id}`), { code: "EISDIR" });
    return inode.bytes;
  };
  const fresh = (inode: Inode): number => inodes.push(inode) - 1;
  function find(path: string): number | null {
    if (path === root) return 0;
    let at = 0;
    for (const name of path.slice(root.length + 1).split("/")) {
      const next = folder(at).get(name);
      if (next === undefined) return null;
      at = next;
    }
    return at;
  }
  function makeFolders(path: string): number {
    const present = find(path);
    if (present !== null) return present;
    const id = fresh({ kind: "folder", entries: new Map() });
    folder(makeFolders(dirname(path))).set(basename(path), id);
    return id;
  }
  return {
    root, fresh, folder, file, find,
    inodeAt(path) {
      const id = find(path);
      if (id === null) throw missing(path);
      return id;
    },
    fill(image) {
      for (const path of image.folders) makeFolders(path);
      // Names of equal bytes that were one file are several files here: nothing of the agent writes to a file with two names.
      for (const [path, bytes] of image.files) folder(makeFolders(dirname(path))).set(basename(path), fresh({ kind: "file", bytes }));
    },
    image: () => collect(root, (id) => inodes[id]),
  };
}

function collect(root: string, inode: (id: number) => Inode | undefined): DiskImage {
  const files = new Map<string, Uint8Array>();
  const folders = new Set<string>();
  const visit = (id: number, path: string): void => {
    const found = inode(id);
    if (found?.kind === "file") files.set(path, found.bytes);
    if (found?.kind !== "folder") return;
    folders.add(path);
    for (const [name, child] of found.entries) visit(child, `${path}/${name}`);
  };
  visit(0, root);
  return { files, folders };
}

function apply(inodes: Inode[], op: Op): void {
  const target = inodes["dir" in op ? op.dir : op.inode];
  switch (op.kind) {
    case "create":
      inodes[op.inode] ??= op.isFolder ? { kind: "folder", entries: new Map() } : { kind: "file", bytes: new Uint8Array() };
      if (target?.kind === "folder") target.entries.set(op.name, op.inode);
      return;
    case "write":
    case "truncate":
      if (target?.kind === "file") target.bytes = op.kind === "truncate" ? target.bytes.slice(0, op.sizeBytes) : written(target.bytes, op.offset, op.bytes);
      return;
    case "link":
    case "rename":
    case "unlink":
      if (target?.kind === "folder") renamed(target.entries, op);
      return;
    case "syncFile":
    case "syncDirectory":
      return;
  }
}

function written(bytes: Uint8Array, offset: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.max(bytes.length, offset + added.length));
  result.set(bytes);
  result.set(added, offset);
  return result;
}

type EntryOp = Extract<Op, { kind: "create" | "link" | "rename" | "unlink" }>;

function renamed(entries: Map<string, number>, op: EntryOp): void {
  if (op.kind === "rename") {
    entries.delete(op.from);
    entries.set(op.to, op.inode);
  } else if (op.kind === "unlink") entries.delete(op.name);
  else entries.set(op.name, op.inode);
}

function stepsOn(tree: Tree, perform: (op: Op) => void, alive: <T>(work: () => T) => Promise<T>): FsSteps {
  const inFolder = (path: string): { dir: number; name: string } => ({ dir: tree.inodeAt(dirname(path)), name: basename(path) });
  const create = (path: string, isFolder: boolean): number => {
    const inode = tree.fresh(isFolder ? { kind: "folder", entries: new Map() } : { kind: "file", bytes: new Uint8Array() });
    perform({ kind: "create", ...inFolder(path), inode, isFolder });
    return inode;
  };
  const write = (inode: number, bytes: Uint8Array): void => perform({ kind: "write", inode, offset: tree.file(inode).length, bytes: Uint8Array.from(bytes) });
  const makeDirectory = (path: string): void => {
    if (tree.find(path) !== null) return;
    makeDirectory(dirname(path));
    create(path, true);
  };
  const removeTree = (path: string): void => {
    const id = tree.find(path);
    if (id === null) return;
    if (isFolder(tree, id)) for (const name of tree.folder(id).keys()) removeTree(`${path}/${name}`);
    perform({ kind: "unlink", ...inFolder(path) });
  };
  return {
    makeDirectory: (path) => alive(() => makeDirectory(path)),
    async writeFile(path, bytes) {
      // Three moments at which a real write can be cut: made, emptied, filled.
      const inode = await alive(() => tree.find(path) ?? create(path, false));
      if (tree.file(inode).length > 0) await alive(() => perform({ kind: "truncate", inode, sizeBytes: 0 }));
      await alive(() => write(inode, bytes));
    },
    async appendFile(path, bytes) {
      const inode = await alive(() => tree.find(path) ?? create(path, false));
      await alive(() => write(inode, bytes));
    },
    async openAppend(path) {
      const inode = await alive(() => tree.find(path) ?? create(path, false));
      return { write: (bytes) => alive(() => write(inode, bytes)), sync: () => alive(() => perform({ kind: "syncFile", inode })), close: () => alive(() => undefined) };
    },
    syncFile: (path) => alive(() => perform({ kind: "syncFile", inode: tree.inodeAt(path) })),
    truncate: (path, sizeBytes) => alive(() => perform({ kind: "truncate", inode: tree.inodeAt(path), sizeBytes })),
    syncDirectory: (path) => alive(() => perform({ kind: "syncDirectory", dir: tree.inodeAt(path) })),
    rename: (from, to) =>
      alive(() => {
        if (dirname(from) !== dirname(to)) throw new Error("this disk renames within a folder only");
        perform({ kind: "rename", dir: tree.inodeAt(dirname(from)), from: basename(from), to: basename(to), inode: tree.inodeAt(from) });
      }),
    link: (from, to) =>
      alive(() => {
        if (tree.find(to) !== null) throw Object.assign(new Error(`EEXIST: ${to}`), { code: "EEXIST" });
        perform({ kind: "link", ...inFolder(to), inode: tree.inodeAt(from) });
      }),
    removeFile: (path) =>
      alive(() => {
        tree.inodeAt(path);
        perform({ kind: "unlink", ...inFolder(path) });
      }),
    removeTree: (path) => alive(() => removeTree(path)),
    readFile: (path) => alive(() => tree.file(tree.inodeAt(path))),
    async *readChunks(path) {
      yield await alive(() => tree.file(tree.inodeAt(path)));
    },
    list: (path) => alive(() => [...tree.folder(tree.inodeAt(path)).keys()]),
    sizeOf: (path) => alive(() => tree.file(tree.inodeAt(path)).length),
    freeBytes: () => alive(() => 2 ** 40),
  };
}

function isFolder(tree: Tree, id: number): boolean {
  try {
    return tree.folder(id) !== null;
  } catch {
    return false;
  }
}

type DataOp = Extract<Op, { kind: "write" | "truncate" }>;

/** What is sure at a moment, and the operations that are not, in time. */
type Unsure = { readonly durable: Map<number, Inode>; readonly entryOps: EntryOp[]; readonly dataOps: Map<number, DataOp[]> };

function replay(begin: readonly Inode[], ops: readonly Op[]): Unsure {
  const durable = new Map<number, Inode>(begin.map((inode, id) => [id, inode.kind === "file" ? inode : { kind: "folder", entries: new Map(inode.entries) }]));
  let entryOps: EntryOp[] = [];
  const dataOps = new Map<number, DataOp[]>();
  for (const op of ops) {
    if (op.kind === "write" || op.kind === "truncate") dataOps.set(op.inode, [...(dataOps.get(op.inode) ?? []), op]);
    else if (op.kind === "syncFile") {
      durable.set(op.inode, { kind: "file", bytes: settled(fileIn(durable, op.inode), dataOps.get(op.inode) ?? []) });
      dataOps.delete(op.inode);
    } else if (op.kind === "syncDirectory") {
      const folder = folderIn(durable, op.dir);
      for (const entry of entryOps) if (entry.dir === op.dir) renamed(folder, entry);
      entryOps = entryOps.filter((entry) => entry.dir !== op.dir);
    } else {
      if (op.kind === "create") durable.set(op.inode, op.isFolder ? { kind: "folder", entries: new Map() } : { kind: "file", bytes: new Uint8Array() });
      entryOps.push(op);
    }
  }
  return { durable, entryOps, dataOps };
}

function fileIn(durable: ReadonlyMap<number, Inode>, id: number): Uint8Array {
  const inode = durable.get(id);
  return inode?.kind === "file" ? inode.bytes : new Uint8Array();
}

function folderIn(durable: ReadonlyMap<number, Inode>, id: number): Map<string, number> {
  const inode = durable.get(id);
  return inode?.kind === "folder" ? inode.entries : new Map();
}

function settled(bytes: Uint8Array, ops: readonly DataOp[]): Uint8Array {
  return ops.reduce((now, op) => (op.kind === "truncate" ? now.slice(0, op.sizeBytes) : written(now, op.offset, op.bytes)), bytes);
}

/** How an unsynced file came out: which of its sectors were written, how long it says it is, and what the others hold. */
type Tear = { readonly sectors: (index: number, count: number) => boolean; readonly lengthShare: number; readonly rest: "zeros" | "garbage" };

const WHOLE: Tear = { sectors: () => true, lengthShare: 1, rest: "zeros" };
const NOTHING: Tear = { sectors: () => false, lengthShare: 0, rest: "zeros" };
const TEARS: readonly Tear[] = [
  { sectors: () => false, lengthShare: 1, rest: "zeros" },
  { sectors: () => false, lengthShare: 1, rest: "garbage" },
  { sectors: (i) => i === 0, lengthShare: 0.5, rest: "zeros" },
  { sectors: (i, n) => i < n - 1, lengthShare: 1, rest: "zeros" },
  { sectors: (i, n) => i < n - 1, lengthShare: 1, rest: "garbage" },
  { sectors: (i) => i > 0, lengthShare: 1, rest: "zeros" },
  { sectors: (i) => i > 0, lengthShare: 1, rest: "garbage" },
  { sectors: () => true, lengthShare: 0.9, rest: "zeros" },
];

type Choice = { readonly entries: readonly boolean[]; readonly tears: ReadonlyMap<number, Tear> };

/** Where so few disks are possible that all are made. */
const EXHAUSTIVE_ENTRIES = 3;
const DICE = 4;

function choicesOf(unsure: Unsure, random: Random, thorough: boolean): Choice[] {
  const n = unsure.entryOps.length;
  const files = [...unsure.dataOps.keys()];
  const all = (tear: Tear): Map<number, Tear> => new Map(files.map((file) => [file, tear]));
  const masks = new Map<string, boolean[]>();
  const mask = (chosen: (i: number) => boolean): void => {
    const bits = unsure.entryOps.map((_, i) => chosen(i));
    masks.set(bits.join(), bits);
  };
  mask(() => true);
  mask(() => false);
  if (thorough && n <= EXHAUSTIVE_ENTRIES) for (let bits = 0; bits < 2 ** n; bits += 1) mask((i) => (bits & (1 << i)) !== 0);
  else if (thorough) {
    for (let k = 0; k < n; k += 1) {
      mask((i) => i <= k);
      mask((i) => i === k);
      mask((i) => i !== k);
    }
    for (let k = 0; k < DICE; k += 1) mask(() => random.uniform() < 0.5);
  }
  const choices: Choice[] = [...masks.values()].flatMap((entries) => (files.length === 0 ? [{ entries, tears: all(WHOLE) }] : [{ entries, tears: all(WHOLE) }, { entries, tears: all(NOTHING) }]));
  const done = unsure.entryOps.map(() => true);
  const undone = unsure.entryOps.map(() => false);
  for (const file of files) {
    for (const tear of thorough ? TEARS : TEARS.slice(0, 2)) {
      for (const entries of n === 0 ? [done] : [done, undone]) {
        choices.push({ entries, tears: new Map([...all(WHOLE), [file, tear]]) });
        if (files.length > 1) choices.push({ entries, tears: new Map([...all(NOTHING), [file, tear]]) });
      }
    }
  }
  for (let k = 0; thorough && files.length > 0 && k < DICE; k += 1) {
    const entries = unsure.entryOps.map(() => random.uniform() < 0.5);
    choices.push({ entries, tears: new Map(files.map((file) => [file, diced(random)])) });
  }
  return choices;
}

function diced(random: Random): Tear {
  const bits = Array.from({ length: 16 }, () => random.uniform() < 0.5);
  return { sectors: (i) => bits[i % bits.length] ?? false, lengthShare: random.uniform(), rest: random.uniform() < 0.5 ? "zeros" : "garbage" };
}

function imageOf(root: string, unsure: Unsure, choice: Choice): DiskImage {
  const now = new Map<number, Inode>();
  for (const [id, inode] of unsure.durable) now.set(id, inode.kind === "file" ? inode : { kind: "folder", entries: new Map(inode.entries) });
  for (const [i, op] of unsure.entryOps.entries()) if (choice.entries[i] === true) renamed(folderIn(now, op.dir), op);
  for (const [id, ops] of unsure.dataOps) now.set(id, { kind: "file", bytes: torn(fileIn(unsure.durable, id), ops, choice.tears.get(id) ?? WHOLE) });
  return collect(root, (id) => now.get(id));
}

function torn(durable: Uint8Array, ops: readonly DataOp[], tear: Tear): Uint8Array {
  if (tear === WHOLE) return settled(durable, ops);
  if (tear === NOTHING) return durable;
  const wanted = settled(durable, ops);
  const base = ops.some((op) => op.kind === "truncate") ? new Uint8Array() : durable;
  const length = Math.round(base.length + (wanted.length - base.length) * tear.lengthShare);
  const result = new Uint8Array(length);
  if (tear.rest === "garbage") result.set(garbage(length));
  result.set(base.subarray(0, length));
  const first = Math.floor(base.length / SECTOR_BYTES);
  const count = Math.ceil(wanted.length / SECTOR_BYTES) - first;
  for (let i = 0; i < count; i += 1) {
    const at = (first + i) * SECTOR_BYTES;
    if (tear.sectors(i, count) && at < length) result.set(wanted.subarray(at, Math.min(at + SECTOR_BYTES, length)), at);
  }
  return result;
}

/** What an unwritten sector may hold: old blocks of other files, line breaks and braces among them. */
function garbage(length: number): Uint8Array {
  const random = seededRandom(length);
  return Uint8Array.from({ length }, () => [10, 0, 123, 125, 34, 255, 48, 65][Math.floor(random.uniform() * 8)] ?? 0);
}

/** Equal for equal disks. */
export function imageDigest(image: DiskImage): string {
  const hash = createHash("sha256");
  for (const path of [...image.folders].toSorted()) hash.update(`folder ${path}\n`);
  for (const [path, bytes] of [...image.files].toSorted(([a], [b]) => (a < b ? -1 : 1))) hash.update(`file ${path} ${bytes.length}\n`).update(bytes);
  return hash.digest("hex");
}
