import { expect, test } from "@playwright/test";
import { api, platform, signIn } from "./platform.ts";

type Rows<T> = { items: T[] };
type Simulation = { id: string; name: string; query: string; state: string };

test("an operator starts 20 simulated devices, sees them in Devices, takes their network away, gives it back, and stops them", async ({ page }) => {
  const name = `Dress rehearsal ${Date.now().toString(36)}`;
  await signIn(page);
  await page.goto(`${platform().url}/simulator`);
  const demo = page.locator("section").filter({ has: page.getByRole("heading", { name: "Demo fleet", level: 2 }) });
  await expect(demo).toContainText("24 of 24");

  await page.getByRole("button", { name: "Start simulation" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Scenario").selectOption({ label: "Demo" });
  await dialog.getByLabel("Devices").fill("20");
  await dialog.getByLabel("Seed").fill("5");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Start" }).click();
  await expect(dialog).toHaveCount(0);
  const card = page.locator("section").filter({ has: page.getByRole("heading", { name, level: 2 }) });
  await expect(card).toContainText("Running", { timeout: 180_000 });
  await expect(card).toContainText("20 of 20", { timeout: 180_000 });

  await card.getByRole("link", { name: "Devices" }).click();
  const table = page.getByRole("region", { name: /^Devices\./ });
  await expect(table.getByRole("row")).toHaveCount(21);
  const simulation = (await api<Rows<Simulation>>("/simulations")).items.find((one) => one.name === name);
  await expect.poll(async () => (await api<{ byPresence: { reporting: number } }>(`/devices/summary?query=${encodeURIComponent(simulation?.query ?? "")}`)).byPresence.reporting).toBe(20);

  await page.goBack();
  await card.getByRole("button", { name: "Faults" }).click();
  await page.getByRole("dialog").getByLabel("Outage").check();
  await page.getByRole("dialog").getByRole("button", { name: "Inject" }).click();
  await expect(card).toContainText("no network");
  await expect(card).toContainText("0 of 20", { timeout: 120_000 });
  await expect(card).toContainText(/outage [1-9]/);
  await expect(demo).toContainText("24 of 24");
  await card.getByRole("button", { name: "Clear faults" }).click();
  await expect(card).not.toContainText("no network");
  await expect.poll(async () => Number(/(\d+) of 20/.exec(await card.innerText())?.[1]), { timeout: 180_000 }).toBeGreaterThan(0);

  await card.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Stop simulation" }).click();
  await expect(page.getByRole("table", { name: "Stopped simulations" })).toContainText(name, { timeout: 120_000 });
  await expect.poll(async () => (await api<Simulation>(`/simulations/${simulation?.id}`)).state).toBe("stopped");
});
