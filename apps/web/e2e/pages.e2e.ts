import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { api, signIn } from "./platform.ts";
import { SettledPage } from "./settled-page.ts";

/** Asked for by whoever wants to look at the pages; taking them costs a third of the time. */
const SCREENSHOTS = process.env["E2E_SCREENSHOTS"] !== undefined;

type Rows<T> = { items: T[] };

type Model = { id: string; newest: { number: number; state: string } | null };
type Job = { id: string; kind: string; state: string };

/** Every page of the product; those of one object are found through the API, a bad state beside the good one where some test has left it. */
async function pages(): Promise<Record<string, string>> {
  const models = (await api<Rows<Model>>("/models?limit=100")).items;
  const model = models.find(({ newest }) => newest?.state === "ready");
  const rejected = models.find(({ newest }) => newest?.state === "rejected");
  const empty = models.find(({ newest }) => newest === null);
  const [build] = (await api<Rows<{ id: string }>>("/builds")).items;
  const rollouts = (await api<Rows<{ id: string; state: string }>>("/rollouts")).items;
  const [rollout] = rollouts;
  const takenBack = rollouts.find(({ state }) => state === "rolled_back");
  const [device] = (await api<Rows<{ id: string }>>("/devices")).items;
  const jobs = (await api<Rows<Job>>("/jobs?limit=100")).items;
  const [job] = jobs;
  const failed = jobs.find(({ state }) => state === "failed");
  const versions = (await api<Rows<{ id: string; number: number }>>(`/models/${model?.id}/versions`)).items;
  const version = versions.find(({ number }) => number === 1);
  // Whichever files ran before, there is a dataset to look at, if one without a version.
  const datasets = (await api<Rows<{ id: string }>>("/datasets")).items;
  const dataset = datasets[0] ?? (await api<{ id: string }>("/datasets", { method: "POST", body: { name: `looked-at-${Date.now()}` } }));
  const [optimization] = (await api<Rows<{ jobId: string | null; versionId: string; results: { versionId: string | null }[] }>>("/optimizations")).items;
  const trainings = (await api<Rows<{ id: string }>>("/trainings")).items;
  const compared = optimization === undefined ? version?.id : [optimization.versionId, ...optimization.results.flatMap(({ versionId }) => versionId ?? [])].join(",");
  const tabs = ["report", "layers", "graph", "variants", "preprocessing", "files", "use"].map((tab) => [`version-${tab}`, `/models/${model?.id}/v/1?tab=${tab}`] as const);
  return {
    overview: "/", models: "/models", upload: "/models/new", model: `/models/${model?.id}`, version: `/models/${model?.id}/v/1`, ...Object.fromEntries(tabs),
    datasets: "/datasets", dataset: `/datasets/${dataset.id}`, "new-dataset": "/datasets/new", optimize: `/models/${model?.id}/v/1/optimize`, graph: `/models/${model?.id}/v/1/graph`, compare: `/compare?versions=${compared}`,
    ...(optimization?.jobId == null ? {} : { optimization: `/jobs/${optimization.jobId}` }), "nothing-to-compare": "/compare",
    trainings: "/trainings", "new-training": "/trainings/new", "train-further": `/trainings/new?version=${version?.id}`, "compare-trainings": `/trainings/compare?runs=${trainings.slice(0, 3).map(({ id }) => id).join(",")}`,
    ...(rejected === undefined ? {} : { "rejected-version": `/models/${rejected.id}/v/${rejected.newest?.number}` }), ...(empty === undefined ? {} : { "empty-model": `/models/${empty.id}` }),
    ...(failed === undefined ? {} : { "failed-job": `/jobs/${failed.id}` }), ...(trainings[0] === undefined ? {} : { training: `/trainings/${trainings[0].id}` }),
    builds: "/builds", build: `/builds/${build?.id}`, "new-build": "/builds/new", rollouts: "/rollouts", rollout: `/rollouts/${rollout?.id}`, "new-rollout": "/rollouts/new",
    ...(takenBack === undefined ? {} : { "rolled-back-rollout": `/rollouts/${takenBack.id}` }),
    devices: "/devices", device: `/devices/${device?.id}`, fleets: "/fleets", latency: "/latency", simulator: "/simulator", jobs: "/jobs", job: `/jobs/${job?.id}`,
    audit: "/audit", people: "/settings/people", "api-keys": "/settings/api-keys", enrollment: "/settings/enrollment", account: "/account", missing: "/no-such-page",
  };
}

for (const width of [1280, 390]) {
  test(`every page is free of serious accessibility faults and fits, light and dark, ${width} px`, async ({ page }) => {
    test.setTimeout(1_800_000);
    await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
    await signIn(page);
    const settled = new SettledPage(page);
    const faults: string[] = [];
    for (const [name, path] of Object.entries(await pages())) {
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
      await settled.open(path);
      faults.push(...(await faultsOf(page, name, width)));
    }
    expect(faults).toEqual([]);
  });
}

/** Everything is judged in the light theme, in the dark one what a theme can change. */
async function faultsOf(page: Page, name: string, width: number): Promise<string[]> {
  const faults: string[] = [];
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) faults.push(`${name}: ${overflow} px wider than the screen`);
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await expect(page.locator("html"), `${name} does not follow the theme of the system`).toHaveAttribute("data-theme", theme);
    if (SCREENSHOTS) await page.screenshot({ path: test.info().outputPath(`${name}-${theme}-${width}.png`), fullPage: true });
    // In the page itself ("legacy"): no page has a frame of another origin, and a second tab for each verdict took three times as long.
    const judge = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ["violations"] });
    const { violations } = await (theme === "dark" ? judge.withRules(["color-contrast", "link-in-text-block"]) : judge).analyze();
    for (const violation of violations) {
      if (violation.impact !== "serious" && violation.impact !== "critical") continue;
      faults.push(`${name}, ${theme}: ${violation.id}: ${violation.help} (${violation.nodes.slice(0, 3).map((node) => node.target.join(" ")).join("; ")})`);
    }
  }
  return faults;
}
