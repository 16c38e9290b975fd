import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const REPO = join(import.meta.dirname, "..");

// The table of docs/architecture.md, written a second time on purpose: changing who may import whom takes both.
// Columns: protocol, fleet, db, runtime, datasets, optimizer, trainer. "x" may, "." may not, "-" is itself.
const PACKAGES = ["protocol", "fleet", "db", "runtime", "datasets", "optimizer", "trainer"];
const TABLE: Record<string, string> = {
  "packages/protocol": "-......",
  "packages/runtime": "...-...",
  "packages/datasets": "....-..",
  "packages/optimizer": "...x.-.",
  "packages/trainer": "...x..-",
  "packages/db": "..-....",
  "packages/fleet": "x-x....",
  "apps/web": "xx.....",
  "apps/gateway": "xx.....",
  "apps/worker": "xx.xxxx",
  "apps/device-sim": "x..x...",
};
const APPS = ["web", "gateway", "worker", "device-sim"];

/** A file of a copy of the repository's lint set-up, and whether the linter must refuse it. */
type Case = { file: string; source: string; isRefused: boolean };

const importing = (specifier: string) => `import * as taken from "${specifier}";\nexport const held = taken;\n`;

const pairs: Case[] = Object.entries(TABLE).flatMap(([folder, row]) =>
  PACKAGES.flatMap((name, column) =>
    row[column] === "-"
      ? []
      : [{ file: `${folder}/src/takes-${name}.ts`, source: importing(`@flotilla/${name}`), isRefused: row[column] === "." }],
  ),
);

const others: Case[] = [
  // An app opens the database only where it is put together, and in tests.
  { file: "apps/gateway/src/main.ts", source: importing("@flotilla/db"), isRefused: false },
  { file: "apps/gateway/src/composition.ts", source: importing("@flotilla/db"), isRefused: false },
  { file: "apps/gateway/src/routes/sync.ts", source: importing("@flotilla/db"), isRefused: true },
  { file: "apps/gateway/src/routes/sync.db.test.ts", source: importing("@flotilla/db"), isRefused: false },
  { file: "apps/gateway/src/main-optimizer.ts", source: importing("@flotilla/optimizer"), isRefused: true },
  { file: "apps/worker/src/main.ts", source: importing("@flotilla/db"), isRefused: false },
  { file: "apps/web/src/server/context.ts", source: importing("@flotilla/db"), isRefused: false },
  { file: "apps/web/src/server/runtime.ts", source: importing("@flotilla/runtime"), isRefused: true },
  { file: "apps/web/src/features/x.tsx", source: importing("@flotilla/db"), isRefused: true },
  { file: "apps/device-sim/src/main.ts", source: importing("@flotilla/db"), isRefused: true },
  // Apps never import apps.
  ...APPS.map((app) => ({
    file: `apps/${app === "web" ? "worker" : "web"}/src/takes-app-${app}.ts`,
    source: importing(`@flotilla/${app}`),
    isRefused: true,
  })),
  { file: "packages/fleet/src/takes-app.ts", source: importing("@flotilla/gateway"), isRefused: true },
  { file: "tests/system/takes-app.ts", source: importing("@flotilla/gateway"), isRefused: true },
  // A second entry for another place to run: the device never loads the forms that servers rewrite models with.
  { file: "packages/optimizer/src/takes-ir.ts", source: importing("@flotilla/runtime/ir"), isRefused: false },
  { file: "packages/fleet/src/takes-ir.ts", source: importing("@flotilla/runtime/ir"), isRefused: true },
  { file: "apps/device-sim/src/takes-ir.ts", source: importing("@flotilla/runtime/ir"), isRefused: true },
  { file: "apps/worker/src/takes-sharp.ts", source: importing("sharp"), isRefused: true },
  // Only through the index, only by name.
  { file: "packages/fleet/src/deep.ts", source: importing("@flotilla/db/src/connect.ts"), isRefused: true },
  { file: "scripts/sets-up.ts", source: importing("@flotilla/db/setup"), isRefused: false },
  { file: "tests/system/sets-up.ts", source: importing("@flotilla/db/setup"), isRefused: false },
  { file: "packages/fleet/src/sets-up.ts", source: importing("@flotilla/db/setup"), isRefused: true },
  { file: "apps/worker/src/composition.ts", source: importing("@flotilla/db/setup"), isRefused: true },
  { file: "scripts/deep.ts", source: importing("@flotilla/db/src/connect.ts"), isRefused: true },
  { file: "packages/fleet/src/relative.ts", source: importing("../../db/src/index.ts"), isRefused: true },
  { file: "apps/worker/src/handlers/relative.ts", source: importing("../../../../packages/db/src/index.ts"), isRefused: true },
  { file: "scripts/relative.ts", source: importing("../packages/db/src/index.ts"), isRefused: true },
  { file: "packages/fleet/src/rollouts/own.ts", source: importing("../id.ts"), isRefused: false },
  // Foreign packages with one home.
  { file: "packages/db/src/prisma.ts", source: importing("@prisma/client"), isRefused: false },
  { file: "packages/fleet/src/prisma.ts", source: importing("@prisma/client"), isRefused: true },
  { file: "packages/fleet/src/adapter.ts", source: importing("@prisma/adapter-pg"), isRefused: true },
  { file: "packages/fleet/src/pg.ts", source: importing("pg"), isRefused: true },
  { file: "apps/web/src/server/auth-adapter.ts", source: importing("better-auth/adapters/prisma"), isRefused: false },
  { file: "apps/worker/src/boss.ts", source: importing("pg-boss"), isRefused: true },
  { file: "apps/gateway/src/composition-pg.ts", source: importing("pg"), isRefused: true },
  { file: "scripts/prisma.ts", source: importing("@prisma/client"), isRefused: true },
  { file: "packages/runtime/src/backend.ts", source: importing("onnxruntime-node"), isRefused: false },
  { file: "packages/runtime/src/model.ts", source: importing("onnxruntime-node"), isRefused: true },
  { file: "apps/device-sim/src/ort.ts", source: importing("onnxruntime-node"), isRefused: true },
  { file: "packages/trainer/src/keras/files/takes-h5wasm.ts", source: importing("h5wasm"), isRefused: false },
  { file: "packages/trainer/src/takes-h5wasm.ts", source: importing("h5wasm"), isRefused: true },
  { file: "apps/worker/src/takes-h5wasm.ts", source: importing("h5wasm"), isRefused: true },
  { file: "apps/web/src/react.tsx", source: importing("react"), isRefused: false },
  { file: "apps/gateway/src/react.ts", source: importing("react"), isRefused: true },
  { file: "apps/gateway/src/next.ts", source: importing("next/server"), isRefused: true },
  { file: "packages/fleet/src/react-dom.ts", source: importing("react-dom/server"), isRefused: true },
  // Deciding files.
  ...["plan", "transitions", "decide"].flatMap((name) => [
    { file: `packages/fleet/src/db/${name}.ts`, source: importing("@flotilla/db"), isRefused: true },
    { file: `packages/fleet/src/fs/${name}.ts`, source: importing("node:fs"), isRefused: true },
    { file: `packages/fleet/src/net/${name}.ts`, source: importing("node:net"), isRefused: true },
    { file: `packages/fleet/src/now/${name}.ts`, source: "export const at = Date.now();\n", isRefused: true },
    { file: `packages/fleet/src/chance/${name}.ts`, source: "export const dice = Math.random();\n", isRefused: true },
    { file: `packages/fleet/src/pure/${name}.ts`, source: `${importing("@flotilla/protocol")}export const at = (now: Date) => now;\n`, isRefused: false },
  ]),
  // Settings and mocks.
  { file: "packages/fleet/src/setting.ts", source: "export const port = process.env.PORT;\n", isRefused: true },
  { file: "apps/worker/src/env.ts", source: "export const port = process.env.PORT;\n", isRefused: false },
  {
    file: "packages/fleet/src/mock.test.ts",
    source: `import { expect, test, vi } from "vitest";\nvi.mock("./id.ts");\ntest("x", () => expect(1).toBe(1));\n`,
    isRefused: true,
  },
  {
    file: "packages/fleet/src/focused.test.ts",
    source: `import { expect, test } from "vitest";\ntest.only("x", () => expect(1).toBe(1));\n`,
    isRefused: true,
  },
];

let folder: string;
let refused: Set<string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-lint-"));
  await cp(join(REPO, "oxlint.config.ts"), join(folder, "oxlint.config.ts"));
  await cp(join(REPO, "package.json"), join(folder, "package.json"));
  await mkdir(join(folder, "scripts"));
  await cp(join(REPO, "scripts/import-table.ts"), join(folder, "scripts/import-table.ts"));
  await symlink(join(REPO, "node_modules"), join(folder, "node_modules"));
  for (const { file, source } of [...pairs, ...others]) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), source);
  }
  refused = await lintErrors(folder);
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Files in which the linter found an error. */
async function lintErrors(cwd: string): Promise<Set<string>> {
  const output = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [join(REPO, "node_modules/oxlint/bin/oxlint"), "--format", "json"],
      { cwd, maxBuffer: 64 * 2 ** 20 },
      (_error, stdout, stderr) => resolve(stdout || stderr),
    );
  });
  const { diagnostics } = JSON.parse(output) as { diagnostics: { filename: string; severity: string }[] };
  const errors = diagnostics.filter((found) => found.severity === "error");
  return new Set(errors.map((found) => relative(cwd, join(cwd, found.filename))));
}

describe("who may import whom", () => {
  test.each(pairs)("$file: refused = $isRefused", ({ file, isRefused }) => {
    expect(refused.has(file)).toBe(isRefused);
  });
});

describe("the other borders", () => {
  test.each(others)("$file: refused = $isRefused", ({ file, isRefused }) => {
    expect(refused.has(file)).toBe(isRefused);
  });
});
