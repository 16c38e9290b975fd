import { expect, test } from "@playwright/test";
import { platform, signIn } from "./platform.ts";

test("a version that the address names and that cannot be read is said, not left out", async ({ page }) => {
  await signIn(page);
  const cut = /\/api\/v1\/versions\/ver_missing/;
  await page.route(cut, (route) => route.abort());
  await page.goto(`${platform().url}/builds/new?version=ver_missing`);
  const said = page.getByRole("alert").filter({ hasText: "A version that the address names could not be loaded" });
  await expect(said).toContainText("The server does not answer");
  await expect(page.getByRole("button", { name: "Make build" })).toBeHidden();
  await page.unroute(cut);
  await said.getByRole("button", { name: "Try again" }).click();
  await expect(said).toContainText("There is no such model version");
});
