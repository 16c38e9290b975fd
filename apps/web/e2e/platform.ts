import { readFileSync } from "node:fs";
import { expect, type Cookie, type Locator, type Page } from "@playwright/test";

/** What the set-up started. */
export type E2ePlatform = { url: string; email: string; password: string; apiKey: string; signInLink: string; model: string };

export function platform(): E2ePlatform {
  const path = process.env["FLOTILLA_E2E"];
  if (path === undefined) throw new Error("the platform of the tests is not running: start through playwright.config.ts");
  return JSON.parse(readFileSync(path, "utf8")) as E2ePlatform;
}

/** The session that all tests of one worker share; who signs out takes one of its own. */
let session: Promise<Cookie[]> | undefined;

/** Signs this page's browser in, without opening a page: the form itself is tried by sign-in.e2e.ts, not by every test. */
export async function signIn(page: Page): Promise<void> {
  session ??= newSession(page).then(() => page.context().cookies());
  await page.context().addCookies(await session);
}

/** A session of its own for this page's browser. */
export async function newSession(page: Page): Promise<void> {
  const { url, email, password } = platform();
  const answer = await page.request.post(`${url}/api/auth/sign-in/email`, { headers: { origin: url }, data: { email, password } });
  expect(answer.status(), await answer.text()).toBe(200);
}

/** The operator API with the launcher's key. */
export async function api<T>(path: string, init: { method?: string; body?: unknown } = {}): Promise<T> {
  const { url, apiKey } = platform();
  const response = await fetch(`${url}/api/v1${path}`, {
    method: init.method ?? "GET",
    headers: { authorization: `Bearer ${apiKey}`, ...(init.body === undefined ? {} : { "content-type": "application/json" }) },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
  });
  if (!response.ok) throw new Error(`${path} → ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Waits until React has taken the element over: before that, keys and clicks on a page that can already be read go nowhere. */
export async function takenOver(element: Locator): Promise<void> {
  await expect.poll(() => element.evaluate((node) => Object.keys(node).some((key) => key.startsWith("__reactProps$"))), { intervals: [20, 50, 100] }).toBe(true);
}
