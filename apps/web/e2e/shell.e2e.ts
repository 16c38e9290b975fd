import { expect, test, type Page } from "@playwright/test";
import { api, platform, signIn } from "./platform.ts";

test.beforeEach(async ({ page }) => {
  await signIn(page);
  await page.goto(platform().url);
  // Keys are heard once the page is alive.
  await page.getByText("Live", { exact: true }).first().waitFor();
});

test("Ctrl-K finds a page, a model and a device, and the focus comes back", async ({ page }) => {
  const [model] = (await api<{ items: { name: string }[] }>("/models?limit=1")).items;
  const palette = page.getByRole("dialog", { name: "Search and commands" });
  await page.keyboard.press("Control+k");
  await palette.getByRole("combobox").fill("audit");
  await expect(palette.getByRole("option").first()).toContainText("Audit");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/audit$/);
  await page.keyboard.press("Control+k");
  await palette.getByRole("combobox").fill(model?.name ?? "");
  await expect(palette.getByRole("option", { name: model?.name ?? "" }).first()).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(palette).toBeHidden();
  await page.getByRole("button", { name: /Search or jump to/ }).click();
  await palette.getByRole("combobox").waitFor();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: /Search or jump to/ })).toBeFocused();
});

test("keys lead everywhere, rest while somebody types, and can be turned off", async ({ page }) => {
  // Only a list of something can be searched.
  await api("/models", { method: "POST", body: { name: `keys-${Date.now()}` } });
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await expect(page.getByRole("heading", { name: "Models", level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/\/models$/);
  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox")).toBeFocused();
  await page.keyboard.type("gj");
  await expect(page.getByRole("searchbox")).toHaveValue("gj");
  await page.getByRole("searchbox").fill("");
  await page.getByRole("heading", { level: 1 }).click();
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(help.getByText("Upload a model")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /account and display/ }).click();
  await page.getByRole("menuitem", { name: "Turn single keys off" }).click();
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.keyboard.press("?");
  await expect(help).toBeHidden();
  await expect(page).toHaveURL(/\/models/);
  await page.evaluate(() => localStorage.removeItem("flotilla-single-keys"));
});

test("the chosen theme is there at the first paint, and the system's where none was chosen", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.reload({ waitUntil: "commit" });
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByRole("button", { name: /account and display/ }).click();
  await page.getByRole("menuitemradio", { name: "Light" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await page.addInitScript(() => {
    document.addEventListener("readystatechange", () => {
      (window as { firstTheme?: string }).firstTheme ??= document.documentElement.dataset["theme"] ?? "none";
    });
  });
  await page.reload();
  expect(await page.evaluate(() => (window as { firstTheme?: string }).firstTheme)).toBe("light");
  await page.emulateMedia({ colorScheme: "light" });
});

test("the first key on a page offers to skip to its content", async ({ page }) => {
  await page.goto(`${platform().url}/jobs`);
  await page.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
});

test("a page that has lost the stream polls and says so; one that has lost the server says since when", async ({ page }) => {
  const light = (words: RegExp) => page.getByText(words).first();
  await expect(light(/^Live$/)).toBeVisible();
  await page.route("**/api/v1/events*", (route) => route.abort());
  await page.goto(`${platform().url}/models`);
  await expect(light(/^Polling every 10 s$/)).toBeVisible();
  const name = `while-polling-${Date.now()}`;
  await api("/models", { method: "POST", body: { name } });
  await expect(page.getByRole("link", { name })).toBeVisible();
  await page.route("**/api/v1/**", (route) => route.abort());
  await expect(light(/^Disconnected since \d\d:\d\d/)).toBeVisible();
  await expect(page.getByRole("link", { name })).toBeVisible();
  await page.unroute("**/api/v1/**");
  await page.unroute("**/api/v1/events*");
  await expect(light(/^Live$/)).toBeVisible();
});

test("what somebody else does appears by itself", async ({ page }) => {
  await page.goto(`${platform().url}/models`);
  await expect(page.getByText("Live", { exact: true }).first()).toBeVisible();
  const name = `made-elsewhere-${Date.now()}`;
  await api("/models", { method: "POST", body: { name } });
  await expect(page.getByRole("link", { name })).toBeVisible({ timeout: 5_000 });
});

test("text from outside stays text, and no page asks for what the content policy forbids", async ({ page }) => {
  await page.addInitScript(() => {
    const found = ((window as { violations?: string[] }).violations ??= []);
    document.addEventListener("securitypolicyviolation", (event) => found.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  const hostile = `<img src=x onerror="window.pwned=1">"';--${Date.now()}`;
  const model = await api<{ id: string }>("/models", { method: "POST", body: { name: hostile, description: `<script>window.pwned=2</script>` } });
  for (const path of ["/", "/models", `/models/${model.id}`, "/models/new", "/datasets", "/datasets/new", "/compare", "/jobs", "/audit", "/builds", "/rollouts", "/devices", "/fleets", "/latency", "/settings/people", "/settings/api-keys", "/settings/enrollment", "/account"]) {
    await page.goto(platform().url + path);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    await expect(page.getByText("Live", { exact: true }).first()).toBeVisible();
    expect(await page.evaluate(() => (window as { violations?: string[] }).violations), path).toEqual([]);
  }
  await page.goto(`${platform().url}/models/${model.id}`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(hostile);
  await openEverything(page);
  expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
  expect(await page.evaluate(() => (window as { violations?: string[] }).violations)).toEqual([]);
});

/** What is drawn only when somebody asks for it. */
async function openEverything(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("img");
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.getByRole("button", { name: /account and display/ }).click();
  await page.getByRole("menu").waitFor();
  await page.keyboard.press("Escape");
}

test("an object that does not exist gets a page that leads on", async ({ page }) => {
  for (const path of ["/models/mdl_0000000000000000000000", "/jobs/job_0000000000000000000000", "/models/mdl_x/v/1", "/models/mdl_x/v/abc", "/nothing/here"]) {
    await page.goto(platform().url + path);
    await expect(page.getByText("There is nothing here"), path).toBeVisible();
    await expect(page.getByRole("link", { name: "Back to the overview" })).toBeVisible();
  }
});
