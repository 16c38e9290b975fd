import { randomBytes } from "node:crypto";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { expect, test, type Page, type Request } from "@playwright/test";
import { api, platform, signIn } from "./platform.ts";

const MIB = 1024 * 1024;
const PARTS = /\/artifacts\/parts\//;

/** A file that is no model, of bytes that nobody has uploaded before. */
function makeFile(name: string, mib: number): string {
  const path = test.info().outputPath(name);
  const file = openSync(path, "w");
  for (let i = 0; i < mib; i += 1) writeSync(file, randomBytes(MIB));
  closeSync(file);
  return path;
}

async function openUpload(page: Page): Promise<void> {
  await signIn(page);
  await page.goto(`${platform().url}/models/new`);
}
const choose = (page: Page, paths: string | string[]): Promise<void> => page.getByLabel("Choose files", { exact: true }).setInputFiles(paths);

const partOf = (request: Request): number => Number(request.url().split("/").at(-1));

/** Lets `count` parts through and holds the others until told to go on. What was sent has `arrived` when the gateway has said so. */
async function holdPartsAfter(page: Page, count: number): Promise<{ sent: number[]; arrived: number[]; release: () => Promise<void> }> {
  const sent: number[] = [];
  const arrived: number[] = [];
  let isHeld = true;
  page.on("response", (response) => {
    if (PARTS.test(response.url()) && response.ok()) arrived.push(partOf(response.request()));
  });
  await page.route(PARTS, async (route) => {
    if (isHeld && sent.length >= count) return route.abort("connectionreset");
    sent.push(partOf(route.request()));
    return route.continue();
  });
  return {
    sent,
    arrived,
    release: async () => {
      isHeld = false;
      await page.unroute(PARTS);
    },
  };
}

test("an upload that was broken off by a reload goes on where it was, and the same bytes are never sent again", async ({ page }) => {
  const path = makeFile("resume.onnx", 40);
  await openUpload(page);
  const line = await holdPartsAfter(page, 3);
  await choose(page, path);
  await expect(page.getByText(/Trying again by itself/)).toBeVisible({ timeout: 120_000 });
  // A part that the reload cuts off on its way is rightly sent again.
  await expect.poll(() => line.arrived).toHaveLength(3);
  expect(line.sent).toHaveLength(3);
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await expect(page.getByText(/Begun before this page was loaded/)).toBeVisible();
  await line.release();
  const again: number[] = [];
  page.on("request", (request) => {
    if (PARTS.test(request.url())) again.push(partOf(request));
  });
  await page.getByLabel("Choose resume.onnx again").setInputFiles(path);
  await expect(page.getByText("Arrived, SHA-256 is right")).toBeVisible({ timeout: 120_000 });
  expect(again.filter((n) => line.sent.includes(n))).toEqual([]);
  expect([...line.sent, ...again].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);

  await page.getByRole("button", { name: "Remove resume.onnx" }).click();
  const sentBefore = again.length;
  await choose(page, path);
  await expect(page.getByText("These bytes were here already; nothing had to be sent")).toBeVisible({ timeout: 120_000 });
  expect(again).toHaveLength(sentBefore);
});

test("paused means paused; going on finishes it", async ({ page }) => {
  await openUpload(page);
  const paused = Promise.withResolvers<void>();
  await page.route(PARTS, async (route) => {
    await paused.promise;
    // The pause took its request away.
    await route.continue().catch(() => undefined);
  });
  await choose(page, makeFile("pause.onnx", 24));
  await page.getByText(/24 MiB \(/).waitFor({ timeout: 120_000 });
  await page.getByRole("button", { name: "Pause pause.onnx" }).click();
  await expect(page.getByText(/^Paused/)).toBeVisible();
  paused.resolve();
  await page.getByRole("button", { name: "Resume pause.onnx" }).click();
  await expect(page.getByText("Arrived, SHA-256 is right")).toBeVisible({ timeout: 120_000 });
});

test("a broken line is told, tried again by itself, and asks before the tab is closed", async ({ page }) => {
  await openUpload(page);
  const line = await holdPartsAfter(page, 1);
  await choose(page, makeFile("line.onnx", 24));
  await expect(page.getByText("The connection is lost. Trying again by itself", { exact: false })).toBeVisible({ timeout: 120_000 });
  await page.getByRole("heading", { level: 1 }).click();
  const asked = page.waitForEvent("dialog");
  await page.close({ runBeforeUnload: true });
  const dialog = await asked;
  expect(dialog.type()).toBe("beforeunload");
  await dialog.dismiss();
  await line.release();
  await expect(page.getByText("Arrived, SHA-256 is right")).toBeVisible({ timeout: 120_000 });
});

test("what is no model is rejected with a reason, what to do, and another look; nothing that ran before is touched", async ({ page }) => {
  const path = test.info().outputPath("not-a-model.onnx");
  writeFileSync(path, `this is text, ${randomBytes(8).toString("hex")}`);
  await openUpload(page);
  await choose(page, path);
  const name = `nonsense-${Date.now()}`;
  await page.getByLabel("Name of the model").fill(name);
  await page.getByRole("button", { name: "Create version" }).click();
  await page.waitForURL(/\/v\/1/);
  await expect(page.getByText(/^Rejected: \S+/)).toBeVisible({ timeout: 120_000 });
  await expect(page.getByRole("button", { name: "Look at it again" })).toBeEnabled();
  await page.getByRole("link", { name: "Log of the import" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText(/import of nonsense/i);
  await expect(page.getByRole("log")).toBeVisible();
  await page.goto(`${platform().url}/models?q=${name}`);
  await expect(page.getByRole("row").filter({ hasText: name })).toContainText("rejected");
});

test("two models at once, or none among several files, are refused before anything is made", async ({ page }) => {
  const [a, b] = [test.info().outputPath("a.onnx"), test.info().outputPath("b.onnx")];
  writeFileSync(a, randomBytes(100));
  writeFileSync(b, randomBytes(100));
  const before = (await api<{ items: unknown[] }>("/models?limit=200")).items.length;
  await openUpload(page);
  await choose(page, [a, b]);
  await expect(page.getByText(/There are 2 .onnx files/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Create version" })).toBeDisabled();
  expect((await api<{ items: unknown[] }>("/models?limit=200")).items).toHaveLength(before);
});

test("a file dropped on any page is taken to the upload page", async ({ page }) => {
  await signIn(page);
  await page.goto(`${platform().url}/audit`);
  await page.getByRole("heading", { name: "Audit", level: 1 }).waitFor();
  const files = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([crypto.getRandomValues(new Uint8Array(1000))], "dropped.onnx"));
    return transfer;
  });
  await page.dispatchEvent("body", "dragenter", { dataTransfer: files });
  await expect(page.getByText("Drop to upload")).toBeVisible();
  await page.dispatchEvent("body", "drop", { dataTransfer: files });
  await expect(page).toHaveURL(/\/models\/new/);
  await expect(page.getByText("Arrived, SHA-256 is right")).toBeVisible({ timeout: 120_000 });
  await expect(page.getByLabel("Name of the model")).toHaveValue("dropped");
});
