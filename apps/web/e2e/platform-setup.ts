import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { twoFreePorts } from "../../../scripts/testing/two-free-ports.ts";

const root = join(import.meta.dirname, "../../..");
const START_TIMEOUT_MS = 300_000;
/** Enough to show numbers; nobody decides by them here. */
const MEASURE_BUDGET_MS = 1_500;

/** Starts the whole platform with 24 simulated devices on a data folder of its own; the answer stops it. */
export default async function startPlatform(): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), "flotilla-e2e-"));
  const [port, gatewayPort] = await twoFreePorts();
  const args = ["scripts/start.ts", "--devices", "24", "--port", String(port), "--gateway-port", String(gatewayPort), "--data-dir", dataDir];
  const launcher = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, MEASURE_BUDGET_MS: String(MEASURE_BUDGET_MS) } });
  let output = "";
  for (const stream of [launcher.stdout, launcher.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<void>((resolve) => launcher.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    launcher.kill("SIGTERM");
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  };
  const link = await Promise.race([signInLink(() => output), ended.then(() => null)]);
  if (link === null) {
    await stop();
    throw new Error(`the platform did not start:\n${output}`);
  }
  const credentials = JSON.parse(readFileSync(join(dataDir, "credentials.json"), "utf8")) as Record<string, string>;
  writeFileSync(join(dataDir, "e2e.json"), JSON.stringify({ ...credentials, signInLink: link, model: writeModel(dataDir) }));
  process.env["FLOTILLA_E2E"] = join(dataDir, "e2e.json");
  return stop;
}

/** The link on the launcher's screen; null when it does not come in time. */
async function signInLink(output: () => string): Promise<string | null> {
  for (const until = performance.now() + START_TIMEOUT_MS; performance.now() < until; await delay(200)) {
    const link = /(http\S+\/sign-in\/link\?token=\S+)/.exec(output())?.[1];
    if (link !== undefined) return link;
  }
  return null;
}

/** A real model to upload: SqueezeNet where the shared models lie beside the project, else a network the project makes. */
function writeModel(dir: string): string {
  const shared = join(process.env["FLOTILLA_SHARED_DIR"] ?? join(root, "../shared"), "models/squeezenet-fp16.onnx");
  if (existsSync(shared)) return shared;
  process.stdout.write(`squeezenet-fp16.onnx is not at ${shared}: uploading a network made by the project\n`);
  const path = join(dir, "digit-reader.onnx");
  const program = `import { writeFileSync } from "node:fs"; import { demoConvNet } from "@flotilla/runtime"; writeFileSync(process.argv[1], demoConvNet({ seed: 1 }));`;
  const made = spawnSync(process.execPath, ["--input-type=module", "--eval", program, path], { cwd: root, encoding: "utf8" });
  if (made.status !== 0) throw new Error(`no model could be made: ${made.stderr}`);
  return path;
}
