import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identifyProcess } from "@flotilla/db/setup";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { Child, saidReady } from "./child.ts";
import { Refusal } from "./refusal.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flotilla-child-"));
  return () => rmSync(folder, { recursive: true, force: true });
});

const READY = 'console.log(JSON.stringify({ msg: "ready" }));';
const STAY = "setInterval(() => undefined, 1000);";

function childOf(source: string): { child: Child; said: string[] } {
  const file = join(folder, "program.mjs");
  writeFileSync(file, source);
  const said: string[] = [];
  const child = new Child({
    name: "program",
    args: [file],
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    logFile: join(folder, "program.log"),
    isReady: saidReady,
    say: (sentence) => said.push(sentence),
  });
  onTestFinished(() => child.kill());
  return { child, said };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}

test("start waits until the program says that it is ready, and its output is in the log", async () => {
  const { child } = childOf(`console.log("warming up"); setTimeout(() => { ${READY} }, 50); ${STAY}`);
  await child.start();
  expect(readFileSync(join(folder, "program.log"), "utf8")).toBe('warming up\n{"msg":"ready"}\n');
  await child.stop(2_000);
});

test("a program that ends before it is ready is refused with the end of its log", async () => {
  const { child } = childOf(`console.error("DATABASE_URL is missing"); process.exit(3);`);
  const failure = await child.start().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Refusal);
  expect((failure as Error).message).toMatch(/program ended before it was ready \(code 3\)[\s\S]*DATABASE_URL is missing/);
});

test("a program that dies is started again, and the screen says so", async () => {
  const { child, said } = childOf(`${READY} ${STAY}`);
  await child.start();
  const first = child.pid ?? 0;
  process.kill(first, "SIGKILL");
  await until(() => child.pid !== first && identifyProcess(child.pid ?? 0) !== undefined);
  expect(said).toEqual([`program stopped (by SIGKILL); starting it again in 0.5 s. Log: ${join(folder, "program.log")}`]);
  await child.stop(2_000);
});

test("stop lets the program finish, and it is not started again", async () => {
  const { child, said } = childOf(`process.on("SIGTERM", () => { console.log("finished"); process.exit(0); }); ${READY} ${STAY}`);
  await child.start();
  const pid = child.pid ?? 0;
  await child.stop(5_000);
  expect(identifyProcess(pid)).toBeUndefined();
  expect(said).toEqual([]);
});

test("a program that does not listen is ended by force", async () => {
  const { child } = childOf(`process.on("SIGTERM", () => undefined); ${READY} ${STAY}`);
  await child.start();
  const pid = child.pid ?? 0;
  await child.stop(100);
  expect(identifyProcess(pid)).toBeUndefined();
});
