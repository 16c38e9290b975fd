import { expect, test, type Page } from "@playwright/test";
import { api, platform, signIn, takenOver } from "./platform.ts";

type Rows<T> = { items: T[] };
type Rollout = { id: string; state: string; version: number };

// Three in the morning: a phone, one hand, no author at hand. reference: the person must be able to stop harm first.
test.use({ viewport: { width: 390, height: 844 } });

/** A rollout that is spreading slowly over every device: its first wave soaks for an hour. */
async function spreadingRollout(): Promise<string> {
  // One that no device runs yet: devices that run it would be left out.
  const build = (await api<Rows<{ id: string; state: string; runningDevices: number }>>("/builds")).items.find((candidate) => candidate.state === "ready" && candidate.runningDevices === 0);
  if (build === undefined) throw new Error("every build that is ready runs on some device: a test before this one left its rollout open");
  const fleets = (await api<Rows<{ id: string; query: string }>>("/fleets")).items;
  const fleet = fleets.find((candidate) => candidate.query === "") ?? (await api<{ id: string }>("/fleets", { method: "POST", body: { name: "all at night", query: "" } }));
  const rollout = await api<Rollout>("/rollouts", { method: "POST", body: { buildId: build.id, fleetId: fleet.id, name: `night ${Date.now()}`, waves: [{ percent: 20, soakSeconds: 3600 }, { percent: 100 }] } });
  await api(`/rollouts/${rollout.id}/start`, { method: "POST", body: {} });
  await expect.poll(async () => (await api<{ waves: { state: string }[] }>(`/rollouts/${rollout.id}`)).waves[0]?.state, { timeout: 60_000 }).not.toBe("pending");
  return rollout.id;
}

// A test that failed must not take the next one with it: every device goes back, whatever happened.
test.afterEach(async () => {
  const open = (await api<Rows<Rollout & { name: string }>>("/rollouts?limit=100")).items.filter((rollout) => rollout.name.startsWith("night ") && rollout.state !== "rolled_back" && rollout.state !== "draft");
  for (const { id, state } of open) {
    if (state !== "rolling_back") await api(`/rollouts/${id}/rollback`, { method: "POST", body: { reason: "end of the test" } });
    await expect.poll(async () => (await api<Rollout>(`/rollouts/${id}`)).state, { timeout: 120_000 }).toBe("rolled_back");
  }
});

/** The rollout's page, ready to be acted on. */
async function open(page: Page, id: string): Promise<void> {
  await page.goto(`${platform().url}/rollouts/${id}`);
  await takenOver(page.getByRole("button", { name: "Roll back" }));
}

const verdictOf = (page: Page) => page.getByRole("region", { name: "Verdict" });

test("from the link to paused by keyboard alone, on a phone, with the live stream blocked: once, and told by the server", async ({ page }) => {
  const id = await spreadingRollout();
  await page.route("**/api/v1/events*", (route) => route.abort());
  await signIn(page);
  await open(page, id);
  await expect(verdictOf(page)).toContainText("Running");
  await page.keyboard.press("p");
  await expect(page.getByText(/Pause: accepted \d\d:\d\d:\d\d/)).toBeVisible({ timeout: 10_000 });
  await expect(verdictOf(page)).toContainText("Paused");
  await expect(verdictOf(page)).toContainText("Not spreading");
  const audit = await api<Rows<{ action: string }>>(`/audit?objectId=${id}&limit=100`);
  expect(audit.items.filter((entry) => entry.action === "rollout.pause")).toHaveLength(1);
});

test("the buttons are thumb-sized, lie above the phone's bar, and pressing twice acts once", async ({ page }) => {
  const id = await spreadingRollout();
  await signIn(page);
  await open(page, id);
  const pause = page.getByRole("button", { name: "Pause" });
  const box = await pause.boundingBox();
  const bar = await page.getByRole("navigation", { name: "Main" }).last().boundingBox();
  expect(box?.height).toBeGreaterThanOrEqual(44);
  expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(bar?.y ?? 0);
  await pause.dblclick();
  await expect(verdictOf(page)).toContainText("Paused");
  const events = await api<Rows<{ kind: string }>>(`/rollouts/${id}/events?limit=100`);
  expect(events.items.filter((event) => event.kind === "pause")).toHaveLength(1);
});

test("roll back asks with the number of devices, Escape leaves everything as it is, and the focus returns", async ({ page }) => {
  const id = await spreadingRollout();
  await signIn(page);
  await open(page, id);
  const rollBack = page.getByRole("button", { name: "Roll back" });
  await rollBack.click();
  const dialog = page.getByRole("alertdialog");
  await expect(dialog.getByRole("heading")).toContainText(/Roll back \d+ devices?\?/);
  await expect(dialog).toContainText("its own previous build");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(rollBack).toBeFocused();
  await expect(verdictOf(page)).toContainText("Running");
  await page.keyboard.press("b");
  await dialog.getByRole("button", { name: /^Roll back \d+ devices?$/ }).click();
  await expect(page.getByText(/Roll back: accepted/)).toBeVisible();
  await expect(verdictOf(page)).toContainText("Rolled back", { timeout: 120_000 });
  await expect(page.getByText(/Roll back: *\d+ of \d+ devices? confirmed/)).toBeVisible();
});

test("two people at once: who acts on an old page is told what happened, and sees it", async ({ page }) => {
  const id = await spreadingRollout();
  await page.route("**/api/v1/events*", (route) => route.abort());
  await signIn(page);
  await open(page, id);
  await page.getByRole("button", { name: "Cancel rollout" }).click();
  // Somebody else is faster.
  await api(`/rollouts/${id}/pause`, { method: "POST", body: { reason: "the other person" } });
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel rollout" }).click();
  await expect(page.getByText(/Cancel rollout failed:/)).toBeVisible();
  await expect(verdictOf(page)).toContainText("the other person");
});

test("the verdict is read out once per change, not with every tick", async ({ page }) => {
  const id = await spreadingRollout();
  await signIn(page);
  await open(page, id);
  const region = verdictOf(page).getByRole("status");
  await expect(region).not.toBeEmpty();
  await region.evaluate((element) => {
    const place = window as typeof window & { said: string[] };
    place.said = [];
    new MutationObserver(() => place.said.push(element.textContent ?? "")).observe(element, { characterData: true, childList: true, subtree: true });
  });
  await api(`/rollouts/${id}/pause`, { method: "POST", body: { reason: "quiet please" } });
  await expect(region).toContainText("quiet please");
  const said = await page.evaluate(() => (window as typeof window & { said: string[] }).said);
  expect(said.filter((text) => text.includes("quiet please")).length).toBeLessThanOrEqual(2);
});
