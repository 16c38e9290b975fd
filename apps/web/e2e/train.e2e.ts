import { expect, test, type Page } from "@playwright/test";
import { digitFiles } from "./digit-files.ts";
import { api, platform, signIn } from "./platform.ts";
import { buildAndRollOut, seeLatency } from "./ship-version.ts";

type Rows<T> = { items: T[] };
type Version = { id: string; modelId: string; number: number; parentId: string | null; offered: boolean };

test("an operator uploads digits, trains the seed CNN, watches it learn, stops early, shrinks what came of it, ships it, and devices report its latency", async ({ page }) => {
  test.setTimeout(1_800_000);
  await signIn(page);
  await uploadDigits(page);
  await startTraining(page);
  await watchAndStop(page);
  const version = await seeVersion(page);
  const variant = await shrink(page, version);
  await page.goto(`${platform().url}/builds/new?version=${variant.id}`);
  await buildAndRollOut(page, "trained");
  await seeLatency(page, variant.id);
});

async function uploadDigits(page: Page): Promise<void> {
  await test.step("digits become a dataset with splits", async () => {
    await page.goto(`${platform().url}/datasets/new`);
    await page.getByLabel("Choose files", { exact: true }).setInputFiles(digitFiles({ count: 3_000, seed: 11 }));
    await page.getByLabel("Name of the dataset").fill(`digits-${Date.now()}`);
    await page.getByRole("button", { name: "Create version" }).click();
    await page.waitForURL(/\/datasets\/dst_[^?]*\?v=1/);
    await expect(page.getByRole("region", { name: "Examples by class and split" })).toBeVisible({ timeout: 400_000 });
  });
}

async function startTraining(page: Page): Promise<void> {
  await test.step("the form has the examples chosen, says what is missing, and starts the run", async () => {
    await page.getByRole("link", { name: "Train on this…" }).click();
    await expect(page.getByLabel("Dataset", { exact: true })).not.toHaveValue("");
    await expect(page.getByRole("button", { name: "Start training" })).toBeDisabled();
    await page.getByRole("group", { name: "Small convolutional network" }).getByRole("radio", { name: /^Medium/ }).check();
    await page.getByLabel("Epochs", { exact: true }).fill("0");
    await expect(page.getByText("Epochs are a whole number").first()).toBeVisible();
    await page.getByLabel("Epochs", { exact: true }).fill("200");
    await page.getByRole("button", { name: "Digits and signs" }).click();
    await page.getByRole("button", { name: "Start training" }).click();
    await page.waitForURL(/\/trainings\/trn_/);
  });
}

async function watchAndStop(page: Page): Promise<void> {
  await test.step("the curve moves; stopping keeps the best weights", async () => {
    const loss = page.getByRole("img", { name: /^Loss\./ });
    await expect(loss).toHaveAccessibleName(/Validation loss is/, { timeout: 400_000 });
    const before = await loss.getAttribute("aria-label");
    await expect(loss).not.toHaveAccessibleName(before ?? "", { timeout: 300_000 });
    await page.getByRole("button", { name: "Stop, keep the best" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Stop the training" }).click();
    await expect(page.getByText("Stopped early: somebody stopped it")).toBeVisible({ timeout: 300_000 });
    await expect(page.getByRole("grid", { name: "True class by answered class" })).toBeVisible();
  });
}

async function seeVersion(page: Page): Promise<Version> {
  return test.step("the weights became a version that knows where it comes from", async () => {
    await page.getByRole("link", { name: / v1$/ }).last().click();
    await page.waitForURL(/\/models\/mdl_[^/]+\/v\/1/);
    await expect(page.getByRole("link", { name: "Optimize…" })).toBeVisible({ timeout: 300_000 });
    const [, modelId] = /\/models\/(mdl_[^/]+)\//.exec(page.url()) ?? [];
    const [version] = (await api<Rows<Version>>(`/models/${modelId}/versions`)).items;
    if (version === undefined) throw new Error("the model has no version");
    return version;
  });
}

async function shrink(page: Page, version: Version): Promise<Version> {
  return test.step("one technique makes it smaller", async () => {
    await page.getByRole("link", { name: "Optimize…" }).click();
    await page.getByLabel("Dataset", { exact: true }).selectOption({ index: 1 });
    await page.getByLabel("Version of the dataset").selectOption({ label: "v1" });
    await page.getByText(/^Advanced/).click();
    for (const title of ["Mixed precision", "Block weights", "Block weights", "fp16 storage"]) await page.getByRole("button", { name: `Take ${title} off` }).first().click();
    await page.getByRole("button", { name: "Start optimizing" }).click();
    await page.waitForURL(/\/jobs\/job_/);
    await expect(page.getByText("Done", { exact: true })).toBeVisible({ timeout: 300_000 });
    const { items } = await api<Rows<Version>>(`/versions/${version.id}/variants`);
    // What did not help is kept for its numbers; then the trained version itself is shipped.
    return items.find((item) => item.parentId === version.id && item.offered) ?? version;
  });
}
