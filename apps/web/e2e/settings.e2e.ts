import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { platform, signIn } from "./platform.ts";

test.beforeEach(({ page }) => signIn(page));

test("a new key is shown once, works, and stops working when it is revoked", async ({ page, request }) => {
  const name = `e2e ${Date.now()}`;
  await page.goto(`${platform().url}/settings/api-keys`);
  await page.getByRole("button", { name: "New key" }).first().click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Role").selectOption("viewer");
  await dialog.getByLabel("models").check();
  await dialog.getByRole("button", { name: "Make key" }).click();
  const secret = await dialog.locator("code").innerText();
  expect(secret).toMatch(/^flk_/);
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.reload();
  const row = page.getByRole("row").filter({ hasText: name });
  await expect(row).toContainText("active");
  await expect(page.getByText(secret)).toHaveCount(0);

  const call = (path: string) => request.get(`${platform().url}/api/v1${path}`, { headers: { authorization: `Bearer ${secret}` } });
  expect((await call("/models")).status()).toBe(200);
  expect((await call("/rollouts")).status()).toBe(403);
  await row.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke key" }).click();
  await expect(row).toContainText("revoked");
  expect((await call("/models")).status()).toBe(401);
});

test("the light turns green when a device runs the shown command", async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(`${platform().url}/settings/enrollment`);
  await page.getByRole("button", { name: "Enrol devices" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Labels").fill("site berlin");
  await dialog.getByRole("button", { name: "Make token" }).click();
  await expect(dialog.getByText("“site berlin” is not key=value.")).toBeVisible();
  await dialog.getByLabel("Labels").fill("site=berlin, e2e=yes");
  await dialog.getByRole("button", { name: "Make token" }).click();
  const command = await dialog.locator("code").innerText();
  const [, args = ""] = /^npm run agent -- (.+)$/.exec(command) ?? [];
  expect(args).toMatch(/^--server http\S+ --token fet_\S+$/);
  await expect(dialog.getByText("Waiting for the device to report…")).toBeVisible();
  const root = join(import.meta.dirname, "../../..");
  const name = `e2e-${Date.now()}`;
  const agent = spawn(process.execPath, ["apps/device-sim/src/cli.ts", "agent", ...args.split(" "), "--data-dir", test.info().outputPath("device"), "--name", name], { cwd: root, stdio: "ignore" });
  try {
    await expect(dialog.getByText("1 device came in")).toBeVisible({ timeout: 120_000 });
    await dialog.getByRole("link", { name: "See devices" }).click();
    await expect(page.getByText(name).first()).toBeVisible();
  } finally {
    agent.kill("SIGTERM");
  }
});

test("every change is in the audit log with who, what and the request id, and can be narrowed down", async ({ page }) => {
  await page.goto(`${platform().url}/audit`);
  await page.getByLabel("Action begins with").fill("session.sign_in");
  await expect(page).toHaveURL(/action=session\.sign_in/);
  const [, row] = await page.getByRole("row").all();
  await expect(row ?? page.getByRole("row").first()).toContainText("session.sign_in");
  await page.getByRole("button", { name: /^Details of session.sign_in/ }).first().click();
  await expect(page.getByText(/req_/).first()).toBeVisible();
  await page.getByLabel("Action begins with").fill("nothing.ever");
  await expect(page.getByText("Nothing matches")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).last().click();
  await expect(page.getByRole("row").nth(1)).toBeVisible();
});
