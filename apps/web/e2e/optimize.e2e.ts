import { expect, test, type Page } from "@playwright/test";
import { api, platform, signIn } from "./platform.ts";
import { pictureZip } from "./picture-zip.ts";
import { buildAndRollOut, seeLatency } from "./ship-version.ts";

type Rows<T> = { items: T[] };
type Variant = { id: string; number: number; parentId: string | null; offered: boolean; sizeBytes: number };

// The pictures are stripes and their labels none of the model's: what is proven is the way, not an accuracy.
const CLASSES = ["stripes-wide", "stripes-thin", "stripes-across", "stripes-tinted"];

test("an operator shrinks a real model with a preset, compares, picks a variant, rolls it out, and devices report its latency", async ({ page }) => {
  test.setTimeout(2_400_000);
  await signIn(page);
  const versionId = await uploadModel(page);
  await uploadDataset(page);
  await sayPreprocessing(page, versionId);
  await optimize(page, versionId);
  const variant = await compareAndPick(page, versionId);
  await buildAndRollOut(page, "shrunk");
  await seeLatency(page, variant.id);
});

async function uploadModel(page: Page): Promise<string> {
  return test.step("the model becomes a version", async () => {
    await page.goto(`${platform().url}/models/new`);
    await page.getByLabel("Choose files", { exact: true }).setInputFiles(platform().model);
    await page.getByLabel("Name of the model").fill(`shrunk-net-${Date.now()}`);
    await page.getByRole("button", { name: "Create version" }).click();
    await page.waitForURL(/\/models\/mdl_[^/]+\/v\/1/);
    await expect(page.getByRole("link", { name: "Optimize…" })).toBeVisible({ timeout: 400_000 });
    const [, modelId] = /\/models\/(mdl_[^/]+)\//.exec(page.url()) ?? [];
    const [version] = (await api<Rows<{ id: string }>>(`/models/${modelId}/versions`)).items;
    return version?.id ?? "";
  });
}

async function uploadDataset(page: Page): Promise<void> {
  await test.step("a ZIP becomes a dataset with splits, a preview and its balance", async () => {
    await page.goto(`${platform().url}/datasets/new`);
    await page.getByLabel("Choose files", { exact: true }).setInputFiles({ name: "stripes.zip", mimeType: "application/zip", buffer: pictureZip({ classes: CLASSES, perClass: 30, side: 64, seed: 7 }) });
    await page.getByLabel("Name of the dataset").fill(`stripes-${Date.now()}`);
    await page.getByText("Reading and splitting").click();
    for (const [split, share] of [["train", "0"], ["calibration", "40"], ["validation", "0"], ["test", "60"]] as const) await page.getByLabel(split, { exact: true }).fill(share);
    await page.getByRole("button", { name: "Create version" }).click();
    await page.waitForURL(/\/datasets\/dst_[^?]*\?v=1/);
    await expect(page.getByRole("region", { name: "Examples by class and split" })).toBeVisible({ timeout: 400_000 });
    await expect(page.getByRole("img", { name: /examples of stripes-wide/ })).toBeVisible();
    await expect(page.getByText("accuracy that is reported")).toContainText("60 %");
  });
}

async function sayPreprocessing(page: Page, versionId: string): Promise<void> {
  await test.step("the guess is looked at and saved", async () => {
    await page.goto(`${platform().url}/models/-/v/${versionId}`);
    await page.getByRole("tab", { name: "Preprocessing" }).click();
    await expect(page.getByText("A guess from the shape of the input, not saved yet")).toBeVisible();
    await page.getByRole("button", { name: "0 to 1", exact: true }).click();
    await page.getByRole("button", { name: "Save preprocessing" }).click();
    await expect(page.getByText("Variants made from now on inherit it")).toBeVisible();
  });
}

async function optimize(page: Page, versionId: string): Promise<void> {
  await test.step("the preset runs; every technique says what came of it", async () => {
    await page.getByRole("link", { name: "Optimize…" }).click();
    await page.getByLabel("Dataset", { exact: true }).selectOption({ index: 1 });
    await page.getByLabel("Version of the dataset").selectOption({ label: "v1" });
    await page.getByRole("radio", { name: /Smallest within 0.5 points/ }).check();
    await page.getByRole("button", { name: "Start optimizing" }).click();
    await page.waitForURL(/\/jobs\/job_/);
    await expect(page.getByText("Done", { exact: true })).toBeVisible({ timeout: 900_000 });
    await expect(page.getByRole("listitem").filter({ hasText: /^helps/ }).first()).toBeVisible();
    const { items } = await api<Rows<{ results: unknown[]; recipe: { techniques: unknown[] } }>>(`/optimizations?versionId=${versionId}`);
    expect(items[0]?.results).toHaveLength(items[0]?.recipe.techniques.length ?? -1);
  });
}

async function compareAndPick(page: Page, versionId: string): Promise<Variant> {
  return test.step("compared with its parent, the smallest offered variant is picked", async () => {
    const { items } = await api<Rows<Variant>>(`/versions/${versionId}/variants`);
    const parent = items.find(({ id }) => id === versionId);
    const [smallest] = items.filter((item) => item.parentId !== null && item.offered).toSorted((a, b) => a.sizeBytes - b.sizeBytes);
    if (smallest === undefined) throw new Error("no variant is offered");
    expect(smallest.sizeBytes).toBeLessThan(parent?.sizeBytes ?? 0);
    await page.getByRole("link", { name: "Compare" }).click();
    await expect(page.getByRole("heading", { name: "Compare versions", level: 1 })).toBeVisible();
    await expect(page.getByRole("img", { name: /Accuracy over time/ })).toBeVisible();
    await expect(page.getByText("differences are paired")).toBeVisible();
    await page.getByRole("link", { name: new RegExp(`^Pick v${smallest.number} for`) }).click();
    await page.waitForURL(/\/builds\/new\?version=/);
    return smallest;
  });
}
