import { expect, type Page, type Request } from "@playwright/test";
import { platform, takenOver } from "./platform.ts";

const QUESTION = /\/api\/v1\/(?!events)/;

/** Opens pages one after the other in the same tab, and tells when all that comes by itself has come. */
export class SettledPage {
  private readonly page: Page;
  private readonly unanswered = new Set<Request>();

  constructor(page: Page) {
    this.page = page;
    page.on("request", (request) => {
      if (QUESTION.test(request.url())) this.unanswered.add(request);
    });
    page.on("requestfinished", (request) => this.unanswered.delete(request));
    page.on("requestfailed", (request) => this.unanswered.delete(request));
  }

  /** Returns when React has the page, the API has answered its questions, and no shape of something that is still coming is left. */
  async open(path: string): Promise<void> {
    await this.page.goto(`${platform().url}${path}`, { waitUntil: "domcontentloaded" });
    await takenOver(this.page.getByRole("heading", { level: 1 }).first());
    await expect.poll(() => this.missing(), { message: `${path} never came to rest`, intervals: [20, 50, 100] }).toBe(0);
  }

  private async missing(): Promise<number> {
    // Between two tasks of the page: rows of a virtual table, charts and first questions are tasks that follow React's.
    await this.page.evaluate(() => new Promise<void>((resolve) => requestIdleCallback(() => resolve(), { timeout: 5_000 })));
    return this.unanswered.size + (await this.page.locator("[aria-busy=true], .skeleton").count());
  }
}
