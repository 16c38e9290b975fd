import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { identifyProcess } from "./process-identity.ts";
import { runningEmbeddedUrl, startEmbeddedPostgres, type EmbeddedPostgres } from "./start-embedded-postgres.ts";

const isRoot = process.geteuid?.() === 0;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "flotilla-embedded-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let folders = 0;
const newFolder = () => join(root, `server-${++folders}`);

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir });
  onTestFinished(() => server.stop());
  return server;
}

async function query<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20);
}

const postmasterPid = async (dataDir: string) => Number((await readFile(join(dataDir, "pgdata/postmaster.pid"), "utf8")).split("\n")[0]);

/** A process of its own that starts the server and then only waits. */
async function startInChild(dataDir: string): Promise<{ child: ChildProcess; url: string; supervisorPid: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../testing/hold-server.ts"), dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, ...(JSON.parse(line.toString()) as { url: string; supervisorPid: number }) };
}

async function killHard(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

describe("a fresh server", () => {
  test("keeps what it confirmed, speaks UTF-8, is in UTC and listens on this machine only", async () => {
    const { url } = await start(newFolder());
    const [row] = await query(
      url,
      `select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages, current_setting('synchronous_commit') as commits,
              current_setting('data_checksums') as checksums, current_setting('server_encoding') as encoding, current_setting('TimeZone') as zone,
              current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets, lower('ÄΩ') as lowered,
              split_part(current_setting('server_version'), '.', 1) as major`,
    );
    expect(row).toEqual({
      fsync: "on",
      pages: "on",
      commits: "on",
      checksums: "on",
      encoding: "UTF8",
      zone: "UTC",
      addresses: "127.0.0.1",
      sockets: "",
      lowered: "äω",
      major: "18",
    });
  });

  test("lets nobody in without the generated password, which only its owner can read", async () => {
    const folder = newFolder();
    const { url } = await start(folder);
    const wrong = new URL(url);
    wrong.password = "guess";
    await expect(query(wrong.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
    expect((await stat(join(folder, "password"))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });
});

describe("starting again", () => {
  test("finds the data and keeps the port after a clean stop", async () => {
    const folder = newFolder();
    const first = await startEmbeddedPostgres({ dataDir: folder });
    await query(first.url, "create table kept as select 7 as value");
    await first.stop();
    await expect(query(first.url, "select 1")).rejects.toThrow();
    const second = await start(folder);
    expect(await query(second.url, "select value from kept")).toEqual([{ value: 7 }]);
    expect(second.port).toBe(first.port);
  });

  test("works after kill -9 of the starter, whose server has stopped by itself", async () => {
    const folder = newFolder();
    const { child, url } = await startInChild(folder);
    await query(url, "create table kept as select 7 as value");
    const postmaster = await postmasterPid(folder);
    await killHard(child);
    await until(() => identifyProcess(postmaster) === undefined);
    const again = await start(folder);
    expect(await query(again.url, "select value from kept")).toEqual([{ value: 7 }]);
  });

  test("ends a server whose starter and watcher were both killed, and finds the data", async () => {
    const folder = newFolder();
    const { child, url, supervisorPid } = await startInChild(folder);
    await query(url, "create table kept as select 7 as value");
    const postmaster = await postmasterPid(folder);
    process.kill(supervisorPid, "SIGKILL");
    await killHard(child);
    expect(identifyProcess(postmaster)).toBeDefined();
    const again = await start(folder);
    expect(identifyProcess(postmaster)).toBeUndefined();
    expect(await query(again.url, "select value from kept")).toEqual([{ value: 7 }]);
  });

  test("is not misled by a postmaster.pid whose number was given to another program", async () => {
    const folder = newFolder();
    await (await startEmbeddedPostgres({ dataDir: folder })).stop();
    await writeFile(join(folder, "pgdata/postmaster.pid"), `${process.pid}\n${folder}/pgdata\n1700000000\n5432\n\n127.0.0.1\n`, { mode: 0o600 });
    const again = await start(folder);
    expect(await query(again.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("tells that the server has gone when the postmaster is killed", async () => {
    const folder = newFolder();
    const server = await start(folder);
    process.kill(await postmasterPid(folder), "SIGKILL");
    await server.exited;
    const again = await start(folder);
    expect(await query(again.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });
});

test("another process finds the running server by its folder, and none after it stopped", async () => {
  const folder = newFolder();
  expect(await runningEmbeddedUrl(folder)).toBeUndefined();
  const server = await startEmbeddedPostgres({ dataDir: folder });
  expect(await runningEmbeddedUrl(folder)).toBe(server.url);
  await server.stop();
  expect(await runningEmbeddedUrl(folder)).toBeUndefined();
});

describe("a folder that cannot be used is refused with a sentence", () => {
  test("in use: names the process", async () => {
    const folder = newFolder();
    const { child, url } = await startInChild(folder);
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toMatchObject({
      problem: "in_use",
      message: `The database in ${folder} is in use by process ${child.pid}.`,
    });
    expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("made by another major version: left alone", async () => {
    const folder = newFolder();
    await (await startEmbeddedPostgres({ dataDir: folder })).stop();
    await writeFile(join(folder, "pgdata/PG_VERSION"), "17\n");
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toMatchObject({
      problem: "other_version",
      message: expect.stringContaining("was made by PostgreSQL 17; this is PostgreSQL 18"),
    });
    expect(await readFile(join(folder, "pgdata/PG_VERSION"), "utf8")).toBe("17\n");
  });

  test("not writable", async () => {
    const file = join(root, "a-file");
    await writeFile(file, "");
    await expect(startEmbeddedPostgres({ dataDir: join(file, "server") })).rejects.toMatchObject({ problem: "bad_folder" });
  });

  test("holds something else: left alone", async () => {
    const folder = newFolder();
    await mkdir(join(folder, "pgdata"), { recursive: true });
    await writeFile(join(folder, "pgdata/thesis.txt"), "mine");
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toMatchObject({ problem: "bad_folder" });
    expect(await readFile(join(folder, "pgdata/thesis.txt"), "utf8")).toBe("mine");
  });
});

describe.skipIf(!isRoot || process.platform !== "linux")("root steps down (skipped unless run as root on Linux)", () => {
  const NOBODY = 65534;

  test("in a folder below a closed one that belongs to root", async () => {
    const closed = join(root, `closed-${++folders}`);
    await mkdir(closed, { mode: 0o700 });
    const server = await start(join(closed, "server"));
    expect(["userns", "switch_with_access"]).toContain(server.runsAs);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("to the user whose folder it is, when that user can reach everything", async () => {
    const folder = await reachableFolder();
    await mkdir(folder, { mode: 0o700 });
    await chown(folder, NOBODY, NOBODY);
    const server = await start(folder);
    // Below a checkout that others cannot enter, the right to pass closed folders is needed as well.
    expect(["switch", "switch_with_access"]).toContain(server.runsAs);
    expect((await stat(join(folder, "pgdata"))).uid).toBe(NOBODY);
  });

  test("to the user whose folder it is, even below a closed folder", async () => {
    const closed = join(root, `closed-${++folders}`);
    await mkdir(join(closed, "server"), { recursive: true, mode: 0o700 });
    await chown(join(closed, "server"), NOBODY, NOBODY);
    const server = await start(join(closed, "server"));
    expect(server.runsAs).toBe("switch_with_access");
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  async function reachableFolder(): Promise<string> {
    const open = await mkdtemp(join(tmpdir(), "flotilla-open-"));
    onTestFinished(() => rm(open, { recursive: true, force: true }));
    await chown(open, NOBODY, NOBODY);
    return join(open, "server");
  }
});
