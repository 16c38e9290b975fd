import { expect, test } from "@playwright/test";
import { platform, signIn } from "./platform.ts";

test.beforeEach(async ({ page }) => signIn(page));

test("a chart can be read without seeing it: its finding is its name, arrow keys read points, the table has the same rows", async ({ page }) => {
  await page.goto(`${platform().url}/latency`);
  const chart = page.getByRole("img", { name: /^Latency percentiles/ }).first();
  await expect(chart).toHaveAccessibleName(/p95 is .* samples/);
  await chart.focus();
  await page.keyboard.press("End");
  const reading = page.locator("p[aria-live=polite]").filter({ hasText: /p50 / }).first();
  await expect(reading).toContainText(/p99 /);
  const last = await reading.innerText();
  await page.keyboard.press("ArrowLeft");
  await expect(reading).not.toHaveText(last);
  await page.getByRole("button", { name: "View as table" }).first().click();
  const table = page.getByRole("region", { name: /as a table/ }).first();
  await expect(table.getByRole("columnheader")).toHaveText(["Time", "p50", "p90", "p95", "p99", "Samples"]);
  // Null is not 0: steps without a sample show a dash.
  await expect(table.getByRole("row").nth(1)).toBeVisible();
  await expect(table.getByText("NaN")).toHaveCount(0);
});

test("dragging over a chart holds time still and says so; resuming goes live again", async ({ page }) => {
  await page.goto(`${platform().url}/latency?range=1h`);
  const plot = page.locator(".chart-plot .u-over").first();
  const box = await plot.boundingBox();
  if (box === null) throw new Error("the chart has no plot");
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 60, { steps: 5 });
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d+/);
  const bar = page.getByRole("status").filter({ hasText: "Held at" });
  await expect(bar).toContainText("new samples are not added");
  await bar.getByRole("button", { name: "Resume live" }).click();
  await expect(page).not.toHaveURL(/from=\d+/);
  await expect(bar).toHaveCount(0);
});

test("the keys zoom and go back to live, and everything chosen is in the address", async ({ page }) => {
  await page.goto(`${platform().url}/latency`);
  await expect(page.getByRole("img", { name: /^Latency percentiles/ }).first()).toBeVisible();
  await page.keyboard.press("+");
  await expect(page).toHaveURL(/from=\d+.*to=\d+/);
  await page.keyboard.press("0");
  await expect(page).not.toHaveURL(/from=/);
  await expect(page.getByText(/^Held at/)).toHaveCount(0);
  await page.getByRole("group", { name: "Split by" }).getByRole("button", { name: "Class" }).click();
  await page.getByRole("group", { name: "Percentile" }).getByRole("button", { name: "p99" }).click();
  await expect(page).toHaveURL(/groupBy=class/);
  await expect(page).toHaveURL(/p=p99/);
  await expect(page).not.toHaveURL(/from=/);
  await page.reload();
  await expect(page.getByRole("img", { name: /^Latency p99/ }).first()).toBeVisible();
  // Simulated numbers say so on each series, not only on top.
  for (const series of await page.getByRole("region", { name: "Series of this range" }).getByRole("rowheader").all()) await expect(series).toContainText("simulated");
});

test("a range without samples says which nothing it is instead of drawing zeros", async ({ page }) => {
  const to = Date.now() - 30 * 24 * 3_600_000;
  await page.goto(`${platform().url}/latency?from=${to - 3_600_000}&to=${to}`);
  await expect(page.getByText(/No inferences reported in this range|No device can report/)).toBeVisible();
  await expect(page.getByRole("region", { name: "Series of this range" })).toHaveCount(0);
});
