import { expect, test, type Page } from "@playwright/test";
import { api, platform } from "./platform.ts";

type Rows<T> = { items: T[] };

test("an operator takes a real model from upload to 24 devices in three waves, sees its latency, and takes it back", async ({ page }) => {
  test.setTimeout(1_800_000);
  await test.step("the link on the launcher's screen signs in", async () => {
    await page.goto(platform().signInLink);
    // The first page of a platform that still starts 24 devices beside it.
    await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible({ timeout: 300_000 });
  });
  await test.step("24 devices report", () =>
    expect.poll(async () => (await api<Rows<{ presence: string }>>("/devices?limit=200")).items.filter((d) => d.presence === "reporting").length, { timeout: 300_000 }).toBe(24));
  await uploadModel(page);
  await makeBuild(page);
  await makeFleet(page);
  await rollOut(page);
  await seeLatency(page);
  await rollBack(page);
});

async function uploadModel(page: Page): Promise<void> {
  await test.step("upload: the version becomes ready, with what was measured", async () => {
    await page.goto(`${platform().url}/models/new`);
    await page.getByLabel("Choose files").setInputFiles(platform().model);
    await page.getByLabel("Name of the model").fill("journey-net");
    await page.getByRole("button", { name: "Create version" }).click();
    await page.waitForURL(/\/models\/[^/]+\/v\/1/);
    await expect(page.getByRole("link", { name: "Make a build" })).toBeVisible({ timeout: 300_000 });
    await expect(page.getByText("p95").first()).toBeVisible();
  });
}

async function makeBuild(page: Page): Promise<void> {
  await test.step("build: its manifest is written", async () => {
    await page.goto(`${platform().url}/builds/new`);
    await page.getByLabel("Model of variant 1").selectOption({ label: "journey-net" });
    await page.getByLabel("Version of variant 1").selectOption({ label: "v1" });
    await page.getByLabel("Build name").fill("journey build");
    await page.getByRole("button", { name: "Make build" }).click();
    await page.waitForURL(/\/builds\/bld_/);
    await expect(page.getByRole("link", { name: "Roll out" })).toBeVisible({ timeout: 300_000 });
  });
}

async function makeFleet(page: Page): Promise<void> {
  await test.step("fleet: the count is shown while one types", async () => {
    await page.goto(`${platform().url}/fleets`);
    await page.getByRole("button", { name: "New fleet" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("everything");
    await expect(dialog.getByText(/24 devices/)).toBeVisible();
    await dialog.getByLabel("Label query").fill("class in (");
    await expect(dialog.getByRole("button", { name: "Make fleet" })).toBeDisabled();
    await dialog.getByLabel("Label query").fill("");
    await expect(dialog.getByText(/24 devices/)).toBeVisible();
    await dialog.getByRole("button", { name: "Make fleet" }).click();
    await expect(dialog).toBeHidden();
  });
}

async function rollOut(page: Page): Promise<void> {
  await test.step("rollout: three waves, watched live, until every device is healthy", async () => {
    await page.goto(`${platform().url}/builds`);
    await page.getByRole("link", { name: "journey build" }).click();
    await page.getByRole("link", { name: "Roll out" }).click();
    await page.getByLabel("Fleet", { exact: true }).selectOption({ index: 1 });
    for (const wave of [1, 2, 3]) await page.getByLabel(`Soak time of wave ${wave} in seconds`).fill("2");
    await page.getByText(/^Advanced/).click();
    await page.getByLabel(/^Devices at once/).fill("0.5");
    await expect(page.getByRole("button", { name: "Start" })).toBeDisabled();
    await page.getByLabel(/^Devices at once/).fill("16");
    await page.getByLabel(/^Time to confirm/).fill("5");
    await page.getByRole("button", { name: /^Start with \d+ devices?$/ }).click();
    await page.waitForURL(/\/rollouts\/rol_/);
    const verdict = page.getByRole("region", { name: "Verdict" });
    await expect(verdict).toContainText("Running");
    await expect(page.getByText("at most 16")).toBeVisible();
    await expect(page.getByText("Confirmed within").locator("xpath=..")).toContainText("5 min");
    await expect(verdict).toContainText("Completed", { timeout: 600_000 });
    await expect(verdict).toContainText("24 of 24 devices succeeded");
  });
}

async function seeLatency(page: Page): Promise<void> {
  await test.step("latency: lines of every class, marked as simulated, with a table behind them", async () => {
    await expect
      .poll(async () => (await api<{ series: unknown[] }>(`/latency?groupBy=class&from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date(Date.now() + 60_000).toISOString()}`)).series.length, { timeout: 300_000 })
      .toBeGreaterThanOrEqual(4);
    await page.goto(`${platform().url}/latency?groupBy=class`);
    await expect(page.getByText(/simulated/i).first()).toBeVisible();
    await expect(page.getByRole("button", { name: /table/i }).first()).toBeVisible();
  });
}

async function rollBack(page: Page): Promise<void> {
  await test.step("roll back: the dialog counts devices, and every one returns", async () => {
    await page.goto(`${platform().url}/rollouts`);
    await page.locator("main").getByRole("link", { name: /journey build/ }).first().click();
    await page.getByRole("button", { name: "Roll back" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByLabel(/Reason/).fill("the journey ends here");
    await dialog.getByRole("button", { name: "Roll back 24 devices" }).click();
    await expect(page.getByRole("region", { name: "Verdict" })).toContainText("Rolled back", { timeout: 400_000 });
    const devices = await api<Rows<{ name: string; actualBuild: { id: string } | null }>>("/devices?limit=200");
    expect(devices.items.filter((device) => device.actualBuild !== null)).toEqual([]);
  });
}
