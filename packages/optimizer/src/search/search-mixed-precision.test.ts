import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModel } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SearchGoal } from "./search-mixed-precision.ts";
import { searchMixedPrecision } from "./search-mixed-precision.ts";
import { sensitiveTask } from "./testing/sensitive-net.ts";

let workDir = "";
let task: Awaited<ReturnType<typeof sensitiveTask>>;
beforeAll(async () => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-search-test-"));
  task = await sensitiveTask(60);
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

const OPTIONS = { smallestMacs: 0 };
const SIZE: SearchGoal = { maxAccuracyDropPoints: 3, objective: "size" };

function search(goal: SearchGoal, context: Partial<Parameters<typeof searchMixedPrecision>[4]> = {}) {
  return searchMixedPrecision(task.model, { calibration: task.examples, verification: task.examples }, goal, OPTIONS, { workDir, ...context });
}

test("exactly the layer that integers break stays float, and the goal is met", async () => {
  const before = writeOnnx(task.model);
  const { quantised, report } = await search(SIZE);
  const model = quantised?.model;
  expect(report).toMatchObject({ reverted: ["conv2"], useless: [], reason: null });
  expect(report.trials[0]).toMatchObject({ keptFloat: [], isAccurate: false });
  expect(report.trials[0]?.dropPoints).toBeGreaterThan(20);
  const chosen = report.trials.find(({ keptFloat }) => keptFloat.join() === "conv2");
  expect(chosen).toMatchObject({ isAccurate: true, accuracy: { n: 60 } });
  expect(chosen?.accuracy?.lowPp).toBeLessThanOrEqual(chosen?.accuracy?.differencePp ?? -Infinity);
  expect(model?.graph.nodes.find(({ name }) => name === "conv2")?.inputs[1]).toBe("w2");
  expect(model?.graph.nodes.find(({ name }) => name === "conv3")?.inputs[1]).not.toBe("w3");
  const measured = report.nodes.flatMap(({ sensitivity }) => (sensitivity === null ? [] : [sensitivity]));
  expect(measured.map(({ node }) => node)).toEqual(report.nodes.map(({ node }) => node));
  const worst = measured.toSorted((a, b) => b.loss.mean - a.loss.mean)[0];
  expect(worst).toMatchObject({ node: "conv2", examples: 60, loss: { kind: "kl" } });
  expect(Math.min(...measured.map(({ sqnrDb }) => sqnrDb))).toBe(worst?.sqnrDb);
  for (const { loss } of measured) expect(loss.low <= loss.mean && loss.mean <= loss.high).toBe(true);
  await (await openModel(writeOnnx(model ?? task.model))).close();
  expect(Buffer.compare(writeOnnx(task.model), before)).toBe(0);
});

test("the same search gives the same bytes", async () => {
  const [first, second] = [await search(SIZE), await search(SIZE)];
  expect(Buffer.compare(writeOnnx(first.quantised?.model ?? task.model), writeOnnx(second.quantised?.model ?? task.model))).toBe(0);
});

test("nodes are timed in float and on integers when speed is wanted, and those that save nothing are float in every trial", async () => {
  const { report } = await search({ maxAccuracyDropPoints: 3, objective: "latency" }, { budgetMs: 60_000 });
  for (const { opType, latency } of report.nodes) if (opType === "Conv") expect(latency).toMatchObject({ floatUs: expect.any(Number) as number, integerUs: expect.any(Number) as number });
  for (const { node, latency } of report.nodes) expect(report.useless.includes(node)).toBe(latency !== null && latency.gainUs !== null && latency.gainUs <= 0);
  for (const { keptFloat } of report.trials) expect(keptFloat).toEqual(expect.arrayContaining([...report.useless]));
  expect(readdirSync(workDir)).toEqual([]);
});

test("a goal that nothing meets gives no model, and the reason with numbers", async () => {
  const small = await search({ ...SIZE, maxSizeBytes: 100 });
  expect(small).toMatchObject({ quantised: null, report: { reason: expect.stringMatching(/has \d+ bytes, more than 100/) as string } });
  const quick = await search({ ...SIZE, maxLatencyMsP95: 1e-9 });
  expect(quick).toMatchObject({ quantised: null, report: { reason: expect.stringContaining("ms (p95)") as string } });
});

test("a search without time left makes one trial and says so", async () => {
  const { quantised, report } = await search(SIZE, { budgetMs: 0 });
  expect(report.trials).toHaveLength(1);
  expect(quantised).toBeNull();
  expect(report.reason).toContain("time for the search was over");
  expect(report.nodes.every(({ sensitivity }) => sensitivity === null)).toBe(true);
});

test("where integers cost nothing one trial is enough, and no node is measured", async () => {
  const { quantised, report } = await search({ maxAccuracyDropPoints: 100, objective: "size" });
  expect(report).toMatchObject({ reverted: [], useless: [], reason: null, trials: [{ keptFloat: [], isAccurate: true }] });
  expect(report.nodes.every(({ sensitivity }) => sensitivity === null)).toBe(true);
  expect(quantised?.report.nodes.find(({ node }) => node === "conv2")).toMatchObject({ state: "integer" });
});

test("an aborted search rejects with the reason of the signal", async () => {
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  await expect(search(SIZE, { signal: controller.signal, onProgress })).rejects.toThrow("enough");
});

test("a model without anything for integers, and a search without examples, are refused", async () => {
  const none = { count: 0, read: () => Promise.reject(new RangeError("there are none")) };
  const run = (verification: typeof none) => searchMixedPrecision(task.model, { calibration: task.examples, verification }, SIZE, OPTIONS, { workDir });
  await expect(run(none)).rejects.toMatchObject({ code: "no_examples" });
  const keepFloat = task.model.graph.nodes.map(({ name }) => name);
  await expect(searchMixedPrecision(task.model, { calibration: task.examples, verification: task.examples }, SIZE, { keepFloat }, { workDir })).rejects.toMatchObject({ code: "nothing_to_search" });
});
