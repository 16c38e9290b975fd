import { defineConfig } from "@playwright/test";

// One platform for all files, started as a person starts it (platform-setup.ts). The journey runs first and leaves something to look at;
// the sweep over all pages comes last and sees what all others have left. A first load compiles nothing: pages are those of `next build`.
const executablePath = process.env["CHROMIUM_PATH"];

export default defineConfig({
  testDir: ".",
  testMatch: "*.e2e.ts",
  globalSetup: "./platform-setup.ts",
  outputDir: "../../../test-results/e2e",
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 480_000,
  expect: { timeout: 60_000 },
  reporter: "list",
  // One worker takes them in this order. They do not depend on each other: whoever looks for the cause of one failure wants the other results too.
  projects: [
    { name: "journey", testMatch: "whole-journey.e2e.ts" },
    { name: "areas", testIgnore: ["whole-journey.e2e.ts", "pages.e2e.ts"] },
    { name: "pages", testMatch: "pages.e2e.ts" },
  ],
  use: {
    // A press or an address that has not come by then never will: the step fails by its name, long before its test's time is up.
    actionTimeout: 180_000,
    navigationTimeout: 180_000,
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    // A trace costs each test a good part of its time: asked for by whoever looks for a cause.
    trace: process.env["E2E_TRACE"] === undefined ? "off" : "retain-on-failure",
    launchOptions: {
      ...(executablePath === undefined ? {} : { executablePath }),
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
