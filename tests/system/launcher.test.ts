import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identifyProcess, runningEmbeddedUrl, startEmbeddedPostgres } from "@flotilla/db/setup";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { exitOf, startPlatform, until, type Platform } from "./platform.ts";

const root = join(import.meta.dirname, "../..");
let dataDir: string;
beforeEach(({ onTestFinished: atEnd }) => {
  dataDir = mkdtempSync(join(tmpdir(), "flotilla-launcher-"));
  // Registered first, so it runs last: after every platform of the test has stopped.
  const folder = dataDir;
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
});

async function start(): Promise<Platform> {
  const platform = await startPlatform({ dataDir });
  onTestFinished(() => platform.stop());
  await until("the screen is there", async () => platform.output().includes("is running."));
  return platform;
}

/** Runs `npm start` to its end and answers what it said. */
async function startAndEnd(args: string[]): Promise<{ code: number | null; output: string }> {
  const launcher = spawn(process.execPath, ["scripts/start.ts", "--no-demo", ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  launcher.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  launcher.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return { code: await exitOf(launcher), output };
}

const postmasterPid = () => Number(readFileSync(join(dataDir, "postgres/pgdata/postmaster.pid"), "utf8").split("\n")[0]);

/** Pids of everything the screen names, and of PostgreSQL itself. */
function pidsOf(platform: Platform): number[] {
  const shown = [...platform.output().matchAll(/pid (\d+)/g)].map((match) => Number(match[1]));
  return [...shown, postmasterPid()];
}

const pidOf = (platform: Platform, part: string) => Number(new RegExp(`${part} +pid (\\d+)`).exec(platform.output())?.[1]);

async function modelNames(platform: Platform): Promise<string[]> {
  const answer = await fetch(`${platform.url}/api/v1/models`, { headers: { authorization: `Bearer ${platform.apiKey}` } });
  return ((await answer.json()) as { items: { name: string }[] }).items.map((model) => model.name);
}

async function makeModel(platform: Platform, name: string): Promise<void> {
  const answer = await fetch(`${platform.url}/api/v1/models`, {
    method: "POST",
    headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  expect(answer.status).toBe(201);
}

test("a launcher that is killed leaves no process behind, and the next start has the data and the same keys", async () => {
  const first = await start();
  const pids = pidsOf(first);
  expect(pids).toHaveLength(5);
  await makeModel(first, "kept");
  first.launcher.kill("SIGKILL");
  await until("every part has ended", async () => pids.every((pid) => identifyProcess(pid) === undefined));

  const second = await start();
  expect(second.apiKey).toBe(first.apiKey);
  expect(second.password).toBe(first.password);
  expect(await modelNames(second)).toEqual(["kept"]);
});

test("SIGTERM ends every part, the database last, with exit code 0", async () => {
  const platform = await start();
  const pids = pidsOf(platform);
  platform.launcher.kill("SIGTERM");
  expect(await exitOf(platform.launcher)).toBe(0);
  expect(pids.filter((pid) => identifyProcess(pid) !== undefined)).toEqual([]);
  expect(readFileSync(join(dataDir, "postgres/postgres.log"), "utf8").trimEnd()).toMatch(/database system is shut down$/);
});

test("the sign-in link on the screen opens a session once, and credentials are for their owner only", async () => {
  const platform = await start();
  const token = /link\?token=(\S+)/.exec(platform.output())?.[1];
  const redeem = () =>
    fetch(`${platform.url}/api/v1/session/link`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: platform.url },
      body: JSON.stringify({ token }),
    });
  const first = await redeem();
  expect(first.status, await first.text()).toBe(200);
  expect(first.headers.get("set-cookie")).toContain("session");
  expect((await redeem()).ok).toBe(false);
  for (const file of ["credentials.json", "secrets.json"]) expect(statSync(join(dataDir, file)).mode & 0o777).toBe(0o600);
});

test("parts that die, the database too, are started again and said so", async () => {
  const platform = await start();
  await makeModel(platform, "kept");
  process.kill(postmasterPid(), "SIGKILL");
  process.kill(pidOf(platform, "gateway"), "SIGKILL");
  await until("both were said", async () => platform.output().includes("PostgreSQL stopped") && platform.output().includes("gateway stopped"));
  await until("all is well again", async () => (await fetch(`${platform.url}/api/v1/health`)).ok && (await modelNames(platform)).includes("kept"));
});

test("a stop in the middle of the database's restart stops that database too", async () => {
  const platform = await start();
  process.kill(postmasterPid(), "SIGKILL");
  await until("the restart was said", async () => platform.output().includes("PostgreSQL stopped"));
  await until("the next server is coming up", async () => identifyProcess(postmasterPid()) !== undefined);
  platform.launcher.kill("SIGTERM");
  expect(await exitOf(platform.launcher)).toBe(0);
  expect(await runningEmbeddedUrl(join(dataDir, "postgres"))).toBeUndefined();
});

test("a second start in the same folder names the process and the address of the first", async () => {
  const platform = await start();
  const { code, output } = await startAndEnd(["--data-dir", dataDir]);
  expect(code).toBe(1);
  expect(output).toContain(`Flotilla is running already in ${dataDir} at ${platform.url} (process ${platform.launcher.pid}).`);
  expect((await fetch(`${platform.url}/api/v1/health`)).ok).toBe(true);
  const other = await startAndEnd(["--data-dir", `${dataDir}/other`, "--port", new URL(platform.url).port]);
  expect(other).toMatchObject({ code: 1, output: expect.stringContaining("another program is listening on it") });
});

test("DATABASE_URL replaces the embedded database, and another data folder on the same database gets its own way in", async () => {
  const server = await startEmbeddedPostgres({ dataDir: join(dataDir, "elsewhere") });
  onTestFinished(() => server.stop());
  const env = { DATABASE_URL: server.url };
  const one = await startPlatform({ dataDir: join(dataDir, "one"), env });
  onTestFinished(() => one.stop());
  await makeModel(one, "shared");
  expect(existsSync(join(dataDir, "one/postgres"))).toBe(false);
  const two = await startPlatform({ dataDir: join(dataDir, "two"), env });
  onTestFinished(() => two.stop());
  expect(await modelNames(two)).toEqual(["shared"]);
  expect(two.email).not.toBe(one.email);
  expect(two.apiKey).not.toBe(one.apiKey);
});

test.each([
  ["a folder that cannot be written", ["--data-dir", "FILE/data"], "cannot be written"],
  ["an option that does not exist", ["--prot", "1"], "--prot"],
])("%s ends at once with a sentence and no stack", async (_what, args, sentence) => {
  const file = join(dataDir, "file");
  writeFileSync(file, "");
  const { code, output } = await startAndEnd(args.map((arg) => arg.replace("FILE", file)));
  expect(code).toBe(1);
  expect(output).toContain(sentence);
  expect(output).not.toMatch(/\n\s+at /);
});

test("a database that cannot be reached is named, without its password", async () => {
  const launcher = spawn(process.execPath, ["scripts/start.ts", "--no-demo", "--data-dir", dataDir], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, DATABASE_URL: "postgres://me:hidden@127.0.0.1:1/flotilla" },
  });
  let output = "";
  launcher.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  expect(await exitOf(launcher)).toBe(1);
  expect(output).toContain("The database 127.0.0.1:1/flotilla cannot be used: connect ECONNREFUSED");
  expect(output).not.toContain("hidden");
});
