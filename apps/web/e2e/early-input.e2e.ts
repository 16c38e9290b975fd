import { expect, test, type Page } from "@playwright/test";
import { platform, signIn } from "./platform.ts";

// A slow line: the page is there, its scripts are still under way.

test("what was typed and sent before the page's scripts came signs in once they are there", async ({ page }) => {
  const { url, email, password } = platform();
  const arrive = await holdScripts(page);
  await page.goto(`${url}/sign-in?next=%2Faudit`, { waitUntil: "commit" });
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByLabel("Password")).toHaveValue(password);
  expect(page.url()).toBe(`${url}/sign-in?next=%2Faudit`);
  arrive();
  await expect(page).toHaveURL(`${url}/audit`);
});

test("a form keeps what its fields were given before the page's scripts came", async ({ page }) => {
  const { url } = platform();
  await signIn(page);
  const arrive = await holdScripts(page);
  await page.goto(`${url}/builds/new`, { waitUntil: "commit" });
  const name = `typed early ${Date.now()}`;
  await page.getByLabel("Build name").fill(name);
  await page.getByRole("checkbox", { name: "xnnpack" }).check();
  await page.getByRole("checkbox", { name: "cpu" }).uncheck();
  arrive();
  // The form is drawn anew from what it knows.
  await page.getByText("Live", { exact: true }).first().waitFor();
  await page.getByRole("spinbutton", { name: "Threads inside one operator" }).fill("3");
  await page.getByRole("button", { name: "Add a variant" }).click();
  await expect(page.getByLabel("Build name")).toHaveValue(name);
  await expect(page.getByRole("checkbox", { name: "xnnpack" })).toBeChecked();
  await expect(page.getByLabel("Threads inside one operator")).toHaveValue("3");
  await expect(page.getByRole("checkbox", { name: "cpu" })).not.toBeChecked();
});

test("choices and numbers given early are kept together", async ({ page }) => {
  await signIn(page);
  const arrive = await holdScripts(page);
  await page.goto(`${platform().url}/trainings/new`, { waitUntil: "commit" });
  await page.getByText("a model version", { exact: true }).click();
  await page.getByLabel("It ends after").selectOption("minutes");
  await page.getByLabel("Batch size").fill("7");
  arrive();
  await expect(page.getByLabel("Minutes", { exact: true })).toBeVisible();
  await expect(page.getByLabel("Batch size")).toHaveValue("7");
  await expect(page.getByRole("radio", { name: "a model version" })).toBeChecked();
});

/** Keeps scripts from the page until the answer is called. */
async function holdScripts(page: Page): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route(/\/_next\/static\/.*\.js/, async (route) => {
    await promise;
    await route.continue();
  });
  return resolve;
}
