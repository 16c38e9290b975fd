import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testDb, type TestDb } from "@flotilla/db";
import { buildModel, floatTensor, seededRandom } from "@flotilla/runtime";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startBalancer } from "./machines.ts";
import { Operator } from "./operator.ts";
import { exitOf, startCommand, startPlatform, Stop, until, type Command, type Platform } from "./platform.ts";

// The examples for outside runners, run as they say of themselves, against the whole product.

const EXAMPLES = fileURLToPath(new URL("../../examples/outside-runner", import.meta.url));
/** Longer than anybody waits. */
const ENDLESS = 2 ** 31 - 1;
/** In the order of their names, as the platform has them, with where each lies. */
const CLASSES = ["east", "north", "south"];
const MIDDLES = [[4, 0], [0, 3], [0, -3]] as const;
const SPLITS = { train: 120, validation: 30, test: 30 };

type Training = {
  id: string; jobId: string; state: string; attempt: number; cause: string | null; causeCode: string | null; stoppedBy: string | null; epoch: number | null; recipeSha256: string;
  best: { metric: string; value: number } | null; result: { versionId: string; number: number } | null; confusion: { split: string; classes: string[]; counts: number[][] } | null;
};
type Point = { name: string; step: number; value: number; at: string };
type Report = { toolVersions: Record<string, string>; evaluations: { datasetVersionId: string; numbers: { split: string; n: number; top1: { value: number } } }[] };

let database: TestDb;
let platform: Platform;
let operator: Operator;
let scratch: string;
let key: string;
let datasetVersionId: string;
const runners: Command[] = [];

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "flotilla-outside-"));
  database = await testDb();
  platform = await startPlatform({ env: { DATABASE_URL: database.url } });
  operator = new Operator(platform);
  key = (await operator.call<{ secret: string }>("POST", "/api-keys", { name: "bench", role: "operator", scopes: ["runner"] })).secret;
  datasetVersionId = await newDataset("three clouds", clouds(["x", "y", "class", "split"]));
});

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  // What a failed test left behind must not be the next one's work.
  for (const state of ["queued", "running"]) for (const { jobId } of await operator.all<Training>(`/trainings?state=${state}`)) await operator.call("POST", `/jobs/${jobId}/cancel`, {});
});

afterAll(async () => {
  await platform?.stop();
  await database?.drop();
  rmSync(scratch, { recursive: true, force: true });
});

/** A row per point around one of three middles, with these columns. */
function clouds(columns: ("x" | "y" | "class" | "split")[]): string {
  const random = seededRandom(5);
  const around = (middle: number): string => (middle + 2 * random() - 1).toFixed(3);
  const row = (split: string, n: number) => {
    const [x, y] = MIDDLES[n % 3] ?? MIDDLES[0];
    return { x: around(x), y: around(y), class: CLASSES[n % 3], split };
  };
  const rows = Object.entries(SPLITS).flatMap(([split, count]) => Array.from({ length: count }, (_, n) => row(split, n)));
  return [columns.join(","), ...rows.map((one) => columns.map((column) => one[column]).join(","))].join("\n");
}

async function newDataset(name: string, csv: string): Promise<string> {
  const dataset = await operator.call<{ id: string }>("POST", "/datasets", { name });
  const uploadId = await operator.upload("clouds.csv", new TextEncoder().encode(csv));
  const { id } = await operator.call<{ id: string }>("POST", `/datasets/${dataset.id}/versions`, { uploadId });
  await until("the dataset is read", async () => {
    const { state, rejectReason } = await operator.call<{ state: string; rejectReason: string | null }>("GET", `/dataset-versions/${id}`);
    if (state === "rejected") throw new Stop(`rejected: ${rejectReason}`);
    return state === "ready";
  }, 120_000);
  return id;
}

const trainOutside = (modelName: string, parameters: object, on = datasetVersionId): Promise<Training> =>
  operator.call("POST", "/trainings", { datasetVersionId: on, outside: { script: "softmax-regression.ts", parameters }, modelName });
const look = ({ id }: Training): Promise<Training> => operator.call("GET", `/trainings/${id}`);
const pointsOf = async ({ jobId }: Training): Promise<Point[]> => (await operator.call<{ items: Point[] }>("GET", `/jobs/${jobId}/metrics`)).items;
const logOf = async ({ jobId }: Training): Promise<string> => (await operator.call<{ items: { text: string }[] }>("GET", `/jobs/${jobId}/logs`)).items.map(({ text }) => text).join("\n");

function startRunner(command: string, args: string[], url = platform.url): Command {
  const runner = startCommand(command, args, { cwd: EXAMPLES, env: { FLOTILLA_URL: url, FLOTILLA_KEY: key } });
  runners.push(runner);
  return runner;
}

const startClient = (url?: string): Command => startRunner(process.execPath, ["runner-client.ts", "./softmax-regression.ts"], url);

function reaches(training: Training, state: string): Promise<Training> {
  return until(`the training is ${state}`, async () => {
    const now = await look(training);
    if (now.state === "failed" && state !== "failed") throw new Stop(`failed: ${now.cause}\n${runners.map((runner) => runner.output()).join("\n")}`);
    return now.state === state ? now : null;
  }, 300_000);
}

/** What every training ends with, whoever ran it. */
async function expectVersion(training: Training, done: Training): Promise<Report> {
  const versionId = done.result?.versionId ?? "";
  expect(await operator.call("GET", `/versions/${versionId}`)).toMatchObject({ state: "ready", source: "train", trainingId: training.id, recipeSha256: training.recipeSha256, preprocessing: { kind: "values" } });
  expect(done.confusion).toMatchObject({ split: "validation", classes: CLASSES });
  expect(done.confusion?.counts.flat().reduce((sum, n) => sum + n, 0)).toBe(SPLITS.validation);
  const report = await operator.call<Report>("GET", `/versions/${versionId}/report`);
  expect(report.evaluations).toMatchObject([{ datasetVersionId, numbers: { split: "test", n: SPLITS.test } }]);
  return report;
}

test("a training of an outside runner waits for it, is trained on by the example, and ends in a version that knows where it comes from", async () => {
  const training = await trainOutside("from the example", { epochs: 300 });
  startClient();
  const done = await reaches(training, "succeeded");
  expect(done).toMatchObject({ stoppedBy: "epochs", epoch: 300, attempt: 1, best: { metric: "train accuracy" } });
  const { toolVersions, evaluations } = await expectVersion(training, done);
  expect(toolVersions).toMatchObject({ node: process.version, flotilla: expect.any(String), onnxruntime: expect.any(String) });
  // Far apart as they are, a model that scaled its columns wrongly would still mix them up.
  expect(evaluations[0]?.numbers.top1.value).toBe(1);
  const losses = (await pointsOf(training)).filter(({ name }) => name === "train loss");
  expect(losses.at(-1)).toMatchObject({ step: 300 });
  expect(losses.at(-1)?.value).toBeLessThan(losses[0]?.value ?? 0);
  expect(await logOf(training)).toContain(`${SPLITS.train} rows of 2 numbers, 3 classes`);
});

test("a runner that is killed loses its training, which begins anew with the next one; asked to stop, that one hands over what it has", async () => {
  const training = await trainOutside("killed on the way", { epochs: ENDLESS });
  const first = startClient();
  await until("the first runner has told something", async () => (await pointsOf(training)).length > 0);
  first.process.kill("SIGKILL");
  await exitOf(first.process);
  const lastWord = (await pointsOf(training)).map(({ at }) => at).sort().at(-1) ?? "";
  // So that nobody has to wait for the end of its lease.
  await database.db.pool.query("update job set lease_until = now() - interval '1 second' where id = $1", [training.jobId]);
  const second = startClient();
  await until("the curve is the second runner's alone", async () => {
    const points = await pointsOf(training);
    return points.length > 0 && points.every(({ at }) => at > lastWord);
  }, 180_000);
  expect(await look(training)).toMatchObject({ state: "running", attempt: 2 });
  const log = await logOf(training);
  for (const words of [`1 of 10 on runner ${hostname()} ${first.process.pid}.`, "stopped answering in attempt 1", `2 of 10 on runner ${hostname()} ${second.process.pid}.`]) expect(log).toContain(words);
  await operator.call("POST", `/trainings/${training.id}/stop`, {});
  const done = await reaches(training, "succeeded");
  expect(done).toMatchObject({ stoppedBy: "person", attempt: 2 });
  expect(done.epoch).toBeLessThan(ENDLESS);
  await expectVersion(training, done);
});

test("a runner is there before the platform, and one whose points find no room any more still hands its model over", async () => {
  const balancer = await startBalancer(["http://127.0.0.1:1"]);
  try {
    const training = await trainOutside("crowded", { epochs: ENDLESS });
    const runner = startClient(balancer.url);
    await until("it has asked in vain", async () => runner.output().includes("asking again"));
    balancer.setUpstreams([platform.url]);
    await until("it has told something", async () => (await pointsOf(training)).length > 0);
    await database.db.pool.query("insert into job_metric (job_id, name, step, value, at) select $1, 'many', n, 0, now() - interval '1 hour' from generate_series(1, 100000) n", [training.jobId]);
    await until("it was told that there is no room", async () => runner.output().includes("too_many_points"));
    await operator.call("POST", `/trainings/${training.id}/stop`, {});
    await expectVersion(training, await reaches(training, "succeeded"));
  } finally {
    await balancer.close();
  }
});

test("a script that fails says why, and its runner goes on to the next training; one that is cancelled is let go", async () => {
  const failing = await trainOutside("never", {}, await newDataset("undivided clouds", clouds(["x", "y", "class"])));
  const cancelled = await trainOutside("not wanted", { epochs: ENDLESS });
  const next = await trainOutside("wanted", { epochs: 3 });
  const runner = startClient();
  expect(await reaches(failing, "failed")).toMatchObject({ causeCode: "runner_failed", cause: expect.stringContaining("columns for the class and for the split") });
  await until("it is at the next one", async () => (await pointsOf(cancelled)).length > 0);
  await operator.call("POST", `/jobs/${cancelled.jobId}/cancel`, {});
  await reaches(cancelled, "cancelled");
  await reaches(next, "succeeded");
  expect(runner.output()).toContain(`${cancelled.jobId} has ended for this runner`);
});

/** For runner.py: looks at the examples, tells a curve, waits for a stop, and hands over the model that it was given. */
const PYTHON_TRAINER = `
import base64, csv, time, urllib.request

def train(task, told):
    name, _ = urllib.request.urlretrieve(task["dataset"]["files"][0]["url"])
    told.log(f"{len(list(csv.DictReader(open(name))))} rows in all")
    for step in (1, 2, 3):
        told.point("train loss", step, 1 / step)
    while not told.should_end.is_set():
        time.sleep(0.05)
    return {"model": base64.b64decode(task["training"]["parameters"]["model"]), "epochs": 3, "preprocessing": {"kind": "values"}}
`;

/** The class of the nearest of three points, as a share for each. */
function nearestMiddle(): Uint8Array {
  const bias = MIDDLES.map(([x, y]) => -(x ** 2 + y ** 2));
  return buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: ["batch", 2] }],
      outputs: [{ name: "shares", elementType: "float32", shape: ["batch", 3] }],
      initializers: [floatTensor("w", [2, 3], Float32Array.from([0, 1].flatMap((axis) => MIDDLES.map((middle) => 2 * (middle[axis] ?? 0))))), floatTensor("b", [3], Float32Array.from(bias))],
      nodes: [{ opType: "Gemm", inputs: ["x", "w", "b"], outputs: ["scores"] }, { opType: "Softmax", inputs: ["scores"], outputs: ["shares"] }],
    },
  });
}

const noPython = whyNoPython();

function whyNoPython(): string | null {
  const { status, error } = spawnSync("python3", ["-c", "import urllib.request"], { encoding: "utf8" });
  return status === 0 ? null : (error?.message ?? `python3 ended with ${status}`);
}

test.skipIf(noPython !== null)(`the runner in Python tells a curve, hears that it should stop, and hands its model over${noPython === null ? "" : ` (skipped: ${noPython})`}`, async () => {
  const trainer = join(scratch, "my_trainer.py");
  writeFileSync(trainer, PYTHON_TRAINER);
  const training = await trainOutside("from Python", { model: Buffer.from(nearestMiddle()).toString("base64") });
  startRunner("python3", ["runner.py", trainer]);
  await until("it has told its curve", async () => (await pointsOf(training)).length === 3);
  await operator.call("POST", `/trainings/${training.id}/stop`, {});
  const done = await reaches(training, "succeeded");
  expect(done).toMatchObject({ stoppedBy: "person", epoch: 3 });
  const { toolVersions, evaluations } = await expectVersion(training, done);
  expect(toolVersions).toMatchObject({ python: expect.stringMatching(/^3\./) });
  expect(evaluations[0]?.numbers.top1.value).toBe(1);
  expect((await pointsOf(training)).map(({ name, step, value }) => [name, step, value])).toEqual([["train loss", 1, 1], ["train loss", 2, 0.5], ["train loss", 3, 1 / 3]]);
  expect(await logOf(training)).toContain(`${SPLITS.train + SPLITS.validation + SPLITS.test} rows in all`);
});
