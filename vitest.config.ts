import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Three projects, named after what must be running: nothing, a PostgreSQL server, the whole product.
export default defineConfig({
  test: {
    sequence: { shuffle: true },
    // Most of a test's time here is waiting: for a database, a child process, a device's next sync. One worker per core would leave the cores idle.
    maxWorkers: Math.max(3, availableParallelism() + 1),
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: ["**/*.db.test.ts", "**/node_modules/**"],
          // Only for what hangs: a busy machine is no fault.
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "db",
          include: ["packages/*/src/**/*.db.test.ts", "apps/*/src/**/*.db.test.ts"],
          globalSetup: ["packages/db/src/testing/global-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["tests/system/**/*.test.ts"],
          globalSetup: ["packages/db/src/testing/global-setup.ts"],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
