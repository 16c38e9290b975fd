import { expect, test, type Page } from "@playwright/test";
import { api, platform } from "./platform.ts";

/** From the form of a build, with the version chosen, to the last wave: all devices take it. */
export async function buildAndRollOut(page: Page, label: string): Promise<void> {
  await test.step("the picked version is built and rolled out to all devices", async () => {
    const name = `${label} ${Date.now()}`;
    const fleet = await api<{ id: string }>("/fleets", { method: "POST", body: { name: `all for ${name}`, query: "" } });
    await page.getByLabel("Build name").fill(name);
    await page.getByRole("button", { name: "Make build" }).click();
    await page.waitForURL(/\/builds\/bld_/);
    await page.getByRole("link", { name: "Roll out" }).click({ timeout: 120_000 });
    await page.getByLabel("Fleet", { exact: true }).selectOption(fleet.id);
    for (const wave of [1, 2, 3]) await page.getByLabel(`Soak time of wave ${wave} in seconds`).fill("2");
    await page.getByRole("button", { name: /^Start with \d+ devices?$/ }).click();
    await page.waitForURL(/\/rollouts\/rol_/);
    await expect(page.getByRole("region", { name: "Verdict" })).toContainText("Completed", { timeout: 300_000 });
  });
}

/** Devices run the version and say how long it takes. */
export async function seeLatency(page: Page, versionId: string): Promise<void> {
  await test.step("devices report its latency", async () => {
    const series = async (): Promise<string[]> => {
      const to = Date.now() + 60_000;
      const answer = await api<{ series: { key: string; total: { count: number } }[] }>(`/latency?groupBy=version&from=${to - 3_660_000}&to=${to}`);
      return answer.series.filter(({ total }) => total.count > 0).map(({ key }) => key);
    };
    await expect.poll(series, { timeout: 180_000 }).toContain(`version:${versionId}`);
    await page.goto(`${platform().url}/models/-/v/${versionId}?tab=use`);
    await expect(page.getByRole("region", { name: "Devices that run it" })).toBeVisible();
  });
}
