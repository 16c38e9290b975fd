import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { codeFaults } from "./code-rules.ts";
import { environmentExampleFaults, guideFaults } from "./guide-rules.ts";
import { sourceFile } from "./source-file.ts";

const lines = (count: number) => "// x\n".repeat(count);

describe("code", () => {
  test.each<[string, string, string | undefined]>([
    ["packages/fleet/src/id.ts", lines(500), undefined],
    ["packages/fleet/src/id.ts", lines(501), "has 501 lines"],
    ["packages/fleet/src/id.ts", `// Long file: one table\n${lines(600)}`, undefined],
    ["apps/web/src/app/(dash)/models/[id]/page.tsx", lines(30), undefined],
    ["apps/web/src/app/(dash)/models/[id]/page.tsx", lines(31), "has 31 lines"],
    ["apps/web/src/app/api/v1/[[...route]]/route.ts", lines(31), "has 31 lines"],
    ["apps/web/src/app/layout.tsx", '"use client";\n', '"use client" belongs into a leaf'],
    ["apps/web/src/features/models/list.tsx", '"use client";\n', undefined],
    ["packages/fleet/src/newId.ts", "", "not kebab-case"],
    ["packages/fleet/src/Rollouts/plan.ts", "", 'folder "Rollouts" is not kebab-case'],
    ["packages/fleet/src/[id]/plan.ts", "", 'folder "[id]" is not kebab-case'],
    ["packages/fleet/src/selector.db.test.ts", "", undefined],
    ["packages/fleet/src/date-utils.ts", "", '"utils" says nothing'],
    ["apps/worker/src/common/x.ts", "", '"common" says nothing'],
    ["packages/db/src/x.ts", 'await import("react");', "may not load react"],
    ["packages/fleet/src/x.ts", 'const { x } = await import("@flotilla/runtime");', "may not load @flotilla/runtime"],
    ["packages/fleet/src/x.ts", 'const { x } = await import("@prisma/client");', "may not load @prisma/client"],
    ["packages/fleet/src/x.ts", 'const { x } = await import("@flotilla/db");', undefined],
    ["apps/gateway/src/routes/x.ts", 'const { x } = await import("@flotilla/db");', "may not load @flotilla/db"],
    ["apps/gateway/src/main.ts", 'const { x } = await import("@flotilla/db");', undefined],
    ["packages/fleet/src/x.ts", 'throw new Error("no");', "throws a plain Error"],
    ["packages/db/src/x.ts", 'throw new Error("no");', undefined],
    ["packages/db/src/x.ts", 'import { env } from "node:process";', "reads the environment"],
    ["apps/worker/src/env.ts", 'import { env } from "node:process";', undefined],
  ])("%s", (path, text, wanted) => {
    const faults = codeFaults(sourceFile(path, text));
    if (wanted === undefined) expect(faults).toEqual([]);
    else expect(faults.join("\n")).toContain(wanted);
  });
});

describe("guides", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "flotilla-style-"));
    mkdirSync(join(root, "docs"));
    writeFileSync(join(root, "docs/real.md"), "");
    return () => rmSync(root, { recursive: true, force: true });
  });
  const faultsOf = (text: string) => guideFaults(sourceFile("docs/guide.md", text), root, new Set(["start", "check"]));

  test("what exists may be named; placeholders and generated files too", () => {
    const kept = "`docs/real.md` [real](real.md) [far](https://x.y) `npm run check` `npm start` `packages/<name>/src` `apps/*/src` `.flotilla/credentials.json`";
    expect(faultsOf(kept)).toEqual([]);
  });

  test("a missing path, link or command is found, with its line", () => {
    expect(faultsOf("\n`docs/gone.md` [gone](gone.md) `npm run deploy`")).toEqual([
      "docs/guide.md:2 names docs/gone.md, which does not exist",
      "docs/guide.md:2 links to gone.md, which does not exist",
      'docs/guide.md:2 names the command "npm run deploy", which does not exist',
    ]);
  });
});

test(".env.example and the programs name the same settings", () => {
  const schema = sourceFile("apps/worker/src/env.ts", "const schema = z.object({\n  DATABASE_URL: z.url(),\n  HEALTH_PORT: z.coerce.number(),\n});");
  expect(environmentExampleFaults([schema, sourceFile(".env.example", "DATABASE_URL=x\n# HEALTH_PORT=0\n")])).toEqual([]);
  expect(environmentExampleFaults([schema, sourceFile(".env.example", "DATABASE_URL=x\nOLD=1\n")])).toEqual([
    ".env.example:1 names OLD, which no program reads",
    ".env.example:1 does not name HEALTH_PORT, which a program reads",
  ]);
});
