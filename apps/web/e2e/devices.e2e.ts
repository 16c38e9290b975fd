import { expect, test } from "@playwright/test";
import { api, platform, signIn } from "./platform.ts";

type Rows<T> = { items: T[] };
type Device = { id: string; name: string; className: string; labels: Record<string, string> };

test.beforeEach(async ({ page }) => signIn(page));

test("what is filtered is in the address, survives a reload, and is lifted chip by chip", async ({ page }) => {
  const [device] = (await api<Rows<Device>>("/devices?limit=1")).items;
  await page.goto(`${platform().url}/devices`);
  const table = page.getByRole("region", { name: /^Devices\./ });
  await expect(table.getByRole("row")).not.toHaveCount(1);
  await page.getByLabel("Search devices by name or id").fill(device?.name ?? "");
  await expect(table.getByRole("row")).toHaveCount(2);
  await expect(page).toHaveURL(/[?&]q=/);
  await page.reload();
  await expect(table.getByRole("row")).toHaveCount(2);
  await expect(page.getByLabel("Search devices by name or id")).toHaveValue(device?.name ?? "");
  await page.getByRole("button", { name: new RegExp(`${device?.name}.*remove`) }).click();
  await expect(page).not.toHaveURL(/[?&]q=/);
  await expect(table.getByRole("row").nth(2)).toBeVisible();
});

test("a facet narrows to as many devices as it counted", async ({ page }) => {
  await page.goto(`${platform().url}/devices`);
  const facet = page.getByRole("complementary", { name: "Filters" }).getByRole("button", { name: /pi4/ }).first();
  await expect(facet).toContainText(/\d/);
  const counted = Number(/(\d+)\s*$/.exec((await facet.innerText()).replaceAll(",", ""))?.[1]);
  await facet.click();
  await expect(page).toHaveURL(/class=pi4/);
  await expect(page.getByRole("region", { name: /^Devices\./ }).getByRole("row")).toHaveCount(counted + 1);
});

test("a label query that cannot be read says where it is wrong, and what was on screen is not mistaken for its answer", async ({ page }) => {
  await page.goto(`${platform().url}/devices`);
  await page.getByLabel("Label query").fill("class in (");
  await expect(page.locator("main").getByRole("alert")).toContainText(/position|character|\d/);
  await page.getByLabel("Label query").fill("class in (pi4)");
  await expect(page.locator("main").getByRole("alert")).toHaveCount(0);
});

test("without a mouse: j and k move through the table, Enter opens the device", async ({ page }) => {
  const devices = (await api<Rows<Device>>("/devices?limit=3")).items;
  await page.goto(`${platform().url}/devices`);
  const table = page.getByRole("region", { name: /^Devices\./ });
  await table.focus();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toContainText(devices[1]?.name ?? "");
  await expect(page.getByRole("region", { name: "Wanted and actual build" })).toBeVisible();
});

test("rows are copied as CSV with the columns that are shown", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(`${platform().url}/devices?cols=name,class`);
  await page.getByRole("button", { name: "Copy as CSV" }).click();
  await expect(page.getByText(/rows? copied/)).toBeVisible();
  const csv = await page.evaluate(() => navigator.clipboard.readText());
  const [header, ...lines] = csv.split("\r\n");
  expect(header).toBe("id,Device,Class,simulated");
  const devices = (await api<Rows<Device>>("/devices?limit=100")).items;
  expect(lines).toHaveLength(devices.length);
  expect(lines[0]).toBe(`${devices[0]?.id},${devices[0]?.name},${devices[0]?.className},true`);
});

test("labels that people give are edited on the device and found by a query at once", async ({ page }) => {
  const [device] = (await api<Rows<Device>>("/devices?limit=1")).items;
  const mark = `m${Date.now()}`;
  await page.goto(`${platform().url}/devices/${device?.id}`);
  await page.getByRole("button", { name: "Add label" }).click();
  const count = await page.getByLabel(/^Key of label/).count();
  await page.getByLabel(`Key of label ${count}`).fill("e2e");
  await page.getByLabel(`Value of label ${count}`).fill(mark);
  await page.getByRole("button", { name: "Save labels" }).click();
  await expect(page.getByRole("button", { name: "Save labels" })).toHaveCount(0);
  const found = (await api<Rows<Device>>(`/devices?query=${encodeURIComponent(`e2e=${mark}`)}`)).items;
  expect(found.map((hit) => hit.id)).toEqual([device?.id]);
  expect(found[0]?.labels["class"]).toBe(device?.className);
});
