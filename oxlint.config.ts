import { defineConfig } from "oxlint";
import { ACTING_MODULES, APPS, COMPOSITION_ROOTS, DECIDING_FILES, forbiddenFor, GUARDED, MAY_IMPORT } from "./scripts/import-table.ts";

type Pattern = { group?: string[]; regex?: string; message: string };
type Override = NonNullable<Parameters<typeof defineConfig>[0]["overrides"]>[number];
type Rules = NonNullable<Override["rules"]>;

const CODE = "**/*.{ts,tsx,mts}";
const TESTS = "**/*.{test,e2e}.{ts,tsx}";

/** Folders that may take the second entry of packages/runtime. */
const REWRITES_MODELS = ["packages/optimizer", "packages/trainer", "apps/worker", "tests", "bench"];

/** A later override replaces the whole list of an earlier one, so each list is made complete. */
function importRule(folder: string, options: { mayUseDb?: boolean; file?: string; isDeciding?: boolean } = {}): Rules {
  // Servers and migrations: for scripts and tests, not for what runs in production.
  const setup = folder in MAY_IMPORT ? [] : ["!@flotilla/db/setup"];
  // The form that servers rewrite models in; a device has no use for it.
  const rewriting = REWRITES_MODELS.includes(folder) ? ["!@flotilla/runtime/ir"] : [];
  const patterns: Pattern[] = [
    { group: ["@flotilla/*/**", ...setup, ...rewriting], message: "A package is used through its entries only." },
    { regex: "^(\\.\\./)+(.*/)?src(/|$)", message: "No relative path into another package; import it by name." },
    { group: APPS.map((app) => `@flotilla/${app}`), message: "Apps are programs; nobody imports them." },
  ];
  for (const name of folder in MAY_IMPORT ? forbiddenFor(folder) : []) {
    if (name === "db" && options.mayUseDb) continue;
    patterns.push({ group: [`@flotilla/${name}`], message: `${folder} may not import ${name} (scripts/import-table.ts).` });
  }
  for (const { names, home, reason } of GUARDED) {
    if (home === `${folder}/**` || home === options.file) continue;
    patterns.push({ regex: `^(${names.join("|")})(/|$)`, message: `${reason}.` });
  }
  if (options.isDeciding) {
    patterns.push({ group: ACTING_MODULES, message: "This file decides; it does not act. Hand it what it needs to know." });
  }
  return { "no-restricted-imports": ["error", { patterns }] };
}

function importOverrides(): Override[] {
  const folders = Object.keys(MAY_IMPORT);
  const roots = Object.entries(COMPOSITION_ROOTS);
  return [
    ...["scripts", "tests", "bench", "prisma"].map((folder) => ({ files: [`${folder}/${CODE}`], rules: importRule(folder) })),
    ...folders.map((folder) => ({ files: [`${folder}/${CODE}`], rules: importRule(folder) })),
    ...roots.map(([folder, files]) => ({ files: [...files, `${folder}/${TESTS}`], rules: importRule(folder, { mayUseDb: true }) })),
    // Homes inside of a package.
    ...GUARDED.flatMap(({ home }) => {
      const folder = folders.find((one) => home.startsWith(`${one}/`) && home !== `${one}/**`);
      return folder === undefined ? [] : [{ files: [home], rules: importRule(folder, { file: home }) }];
    }),
    ...folders.map((folder) => ({
      files: DECIDING_FILES.map((name) => `${folder}/src/**/${name}.ts`),
      rules: {
        ...importRule(folder, { isDeciding: true }),
        "no-restricted-properties": [
          "error",
          ...[
            ["Date", "now"],
            ["Math", "random"],
            ["performance", "now"],
            ["crypto", "randomUUID"],
          ].map(([object, property]) => ({ object, property, message: "This file decides: time and chance are arguments." })),
        ],
        "no-restricted-globals": ["error", "fetch", "setTimeout", "setInterval", "process"],
      } as Rules,
    })),
  ];
}

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "node", "promise", "react", "jsx-a11y", "nextjs", "vitest"],
  categories: { correctness: "error" },
  options: { reportUnusedDisableDirectives: "error" },
  settings: { next: { rootDir: "apps/web/" } },
  ignorePatterns: ["**/node_modules/**", "**/.next/**", "packages/db/src/generated/**", "**/next-env.d.ts", ".flotilla/**", "test-results/**"],
  rules: {
    eqeqeq: ["error", "always", { null: "ignore" }],
    "no-var": "error",
    "prefer-const": "error",
    "no-console": "error",
    "no-throw-literal": "error",
    "import/no-cycle": "error",
    "node/no-process-env": "error",
    "promise/no-multiple-resolved": "error",
    "react/rules-of-hooks": "error",
    "react/exhaustive-deps": "error",
    "react/jsx-key": "error",
    "typescript/await-thenable": "error",
    "typescript/consistent-type-imports": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
    "typescript/no-non-null-assertion": "error",
    "typescript/only-throw-error": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    "vitest/no-focused-tests": "error",
    "vitest/no-restricted-vi-methods": [
      "error",
      { mock: "Mock no modules: hand the dependency in.", doMock: "Mock no modules: hand the dependency in." },
    ],
    // Waiting until something holds is an assertion too: it fails with the test's time limit.
    "vitest/expect-expect": ["error", { assertFunctionNames: ["expect", "expect*", "until", "until*"] }],
    "vitest/valid-expect": ["error", { maxArgs: 2 }],
    // A test may wait in a helper and decide there.
    "vitest/no-conditional-expect": "off",
    "vitest/no-conditional-tests": "off",
    "vitest/require-to-throw-message": "off",
    // Matters of taste.
    "jsx-a11y/prefer-tag-over-role": "off",
    "nextjs/no-assign-module-variable": "off",
    "typescript/no-base-to-string": "off",
    "typescript/no-meaningless-void-operator": "off",
    "typescript/unbound-method": "off",
    "unicorn/no-new-array": "off",
  },
  overrides: [
    {
      files: ["**/src/env.ts", "scripts/**", "**/*.config.{ts,mts,mjs}", "**/testing/**", "tests/**", "bench/**", "examples/**", "**/e2e/**"],
      rules: { "node/no-process-env": "off" },
    },
    { files: ["scripts/**", "bench/**", "tests/**"], rules: { "no-console": "off" } },
    { files: ["**/e2e/**"], rules: { "vitest/expect-expect": "off", "react/rules-of-hooks": "off" } },
    ...importOverrides(),
  ],
});
