import { expect, test } from "@playwright/test";
import { api, newSession, platform, signIn } from "./platform.ts";

const PAGES = ["/", "/models", "/models/new", "/builds", "/rollouts", "/devices", "/fleets", "/latency", "/jobs", "/audit", "/settings/people", "/settings/api-keys", "/settings/enrollment", "/account"];

test("a wrong password is told where it was typed; the right one leads to the page that was asked for", async ({ page }) => {
  const { url, email, password } = platform();
  await page.goto(`${url}/audit?action=model`);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await expect(page.getByLabel("E-mail")).toBeFocused();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill("not the password");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert").filter({ hasText: "E-mail or password is wrong" })).toBeVisible();
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${url}/audit?action=model`);
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax" });
});

test("signing out takes the pages away", async ({ page }) => {
  await newSession(page);
  await page.goto(platform().url);
  await page.getByRole("button", { name: /account and display/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.goto(`${platform().url}/audit`);
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("a page gives nothing to somebody who is not signed in, in whatever form it is asked for", async ({ request, page }) => {
  const { url } = platform();
  const { items } = await api<{ items: { actorName: string }[] }>("/audit?limit=1");
  const secret = items[0]?.actorName ?? "";
  expect(secret).not.toBe("");
  const forms: Record<string, string>[] = [
    {},
    { rsc: "1" },
    { rsc: "1", "next-router-prefetch": "1" },
    { rsc: "1", "next-router-segment-prefetch": "/_full" },
    { "x-middleware-subrequest": "src/proxy:src/proxy:src/proxy:src/proxy:src/proxy" },
    { "x-middleware-subrequest": "proxy", "x-flotilla-path": "/sign-in", "x-nonce": "x" },
    { authorization: `Bearer ${platform().apiKey}` },
  ];
  for (const path of PAGES) {
    for (const headers of forms) {
      // Next sends a request for a page's data on to the same path with this parameter.
      const answer = await request.get(`${url}${path}${"rsc" in headers ? "?_rsc" : ""}`, { headers, maxRedirects: 0 });
      const what = `${path} ${JSON.stringify(headers)}`;
      const body = await answer.text();
      expect(body, what).not.toContain(secret);
      const prefetches = Object.keys(headers).some((name) => name.includes("prefetch"));
      expect(prefetches || body.includes("/sign-in") || answer.headers()["location"]?.startsWith("/sign-in") === true, what).toBe(true);
    }
  }
  // Only worth something if the word is there for those who may see it.
  await signIn(page);
  expect(await (await page.request.get(`${url}/audit`)).text()).toContain(secret);
});

test("nothing is sent to a page: there are no actions behind them", async ({ request }) => {
  for (const path of [...PAGES, "/sign-in", "/welcome"]) {
    for (const headers of [{ "next-action": "0".repeat(40) }, { "content-type": "multipart/form-data; boundary=x" }, {}] as Record<string, string>[]) {
      expect((await request.post(`${platform().url}${path}`, { headers, data: "x" })).status(), `${path} ${JSON.stringify(headers)}`).toBe(405);
    }
  }
});

test("opening a sign-in link by machine does not use it up; the person gets in once", async ({ page, request, browser }) => {
  const { url } = platform();
  const { items } = await api<{ items: { id: string; role: string; disabledAt: string | null }[] }>("/people");
  const admin = items.find((person) => person.role === "admin" && person.disabledAt === null);
  const link = await api<{ url: string }>(`/people/${admin?.id}/sign-in-link`, { method: "POST", body: {} });
  const address = link.url.replace(/^https?:\/\/[^/]+/, url).replace("&choose=password", "");
  for (let i = 0; i < 3; i += 1) expect((await request.get(address)).status()).toBe(200);
  await page.goto(address);
  await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  const other = await (await browser.newContext()).newPage();
  await other.goto(address);
  await expect(other.getByText(/used already or is too old/)).toBeVisible();
  await other.context().close();
});

test("a person who is added chooses a password, reads everything and is told why they may not change it", async ({ page, browser }) => {
  await signIn(page);
  await page.goto(`${platform().url}/settings/people`);
  await page.getByRole("button", { name: "Add person" }).click();
  const dialog = page.getByRole("dialog");
  const email = `vera-${Date.now()}@flotilla.test`;
  await dialog.getByLabel("Name").fill("Vera Viewer");
  await dialog.getByLabel("E-mail").fill(email);
  await dialog.getByLabel("Role").selectOption("viewer");
  await dialog.getByRole("button", { name: "Add person" }).click();
  const link = await dialog.locator("code").innerText();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("cell", { name: email })).toBeVisible();

  const theirs = await browser.newContext();
  const vera = await theirs.newPage();
  await vera.goto(link);
  await vera.getByLabel("New password").fill("a password of vera");
  await vera.getByRole("button", { name: "Save and sign in" }).click();
  await expect(vera.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  await vera.goto(`${platform().url}/models`);
  const upload = vera.getByRole("button", { name: "Upload model" });
  await expect(upload).toBeDisabled();
  await expect(upload).toHaveAttribute("title", /needs the role operator; you are viewer/);
  const refused = await vera.evaluate(async () => (await fetch("/api/v1/models", { method: "POST", headers: { "content-type": "application/json" }, body: '{"name":"x"}' })).status);
  expect(refused).toBe(403);
  await theirs.close();
});
