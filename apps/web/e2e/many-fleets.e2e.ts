import { expect, test } from "@playwright/test";
import { api, platform, signIn } from "./platform.ts";

/** One more than the API gives at once. */
const FLEETS = 201;

test("whoever has more fleets than one page of the API holds sees and can choose the oldest too", async ({ page }) => {
  await signIn(page);
  const made: { id: string; name: string }[] = [];
  try {
    for (let i = 0; i < FLEETS; i += 1) made.push(await api("/fleets", { method: "POST", body: { name: `many ${i} ${Date.now()}`, query: "" } }));
    const oldest = made[0]?.name ?? "";
    await page.goto(`${platform().url}/fleets`);
    await expect(page.getByRole("row", { name: new RegExp(`^${oldest}`) })).toBeVisible();
    await page.goto(`${platform().url}/rollouts/new`);
    await expect(page.getByLabel("Fleet", { exact: true }).getByRole("option", { name: new RegExp(`^${oldest}:`) })).toBeAttached();
  } finally {
    for (const { id } of made) await api(`/fleets/${id}`, { method: "DELETE" });
  }
});
