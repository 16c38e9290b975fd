import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { sourcesHash } from "./web-build.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "flotilla-web-"));
  put("apps/web/src/app/page.tsx", "page");
  put("packages/fleet/src/id.ts", "id");
  put("package-lock.json", "{}");
  return () => rmSync(root, { recursive: true, force: true });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

test.each(["apps/web/src/app/page.tsx", "apps/web/next.config.ts", "packages/fleet/src/deep/new.ts", "package-lock.json"])("a change of %s means a new build", (path) => {
  const before = sourcesHash(root);
  put(path, "changed");
  expect(sourcesHash(root)).not.toBe(before);
});

test.each(["apps/web/.next/server.js", "apps/web/e2e/journey.e2e.ts", "packages/fleet/src/id.test.ts", "packages/optimizer/src/x.ts", "apps/worker/src/main.ts"])(
  "a change of %s does not",
  (path) => {
    const before = sourcesHash(root);
    put(path, "changed");
    expect(sourcesHash(root)).toBe(before);
  },
);

test("moving a file means a new build, although no content changed", () => {
  const before = sourcesHash(root);
  rmSync(join(root, "packages/fleet/src/id.ts"));
  put("packages/fleet/src/ids.ts", "id");
  expect(sourcesHash(root)).not.toBe(before);
});
