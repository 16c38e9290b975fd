// Item 6: what calibration holds above its session and one sample. A fresh process each: peaks do not fall.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inferShapes, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { ON_LEASH } from "../load/processes.ts";
import { prepared, shared } from "./examples.ts";
import { notAtHand, type Row } from "./row.ts";

const SAMPLES = 300;
const MIB = 1_048_576;
const METHODS = ["min-max", "percentile", "least-squares", "least-divergence"];

export async function calibrationMemory(workDir: string): Promise<Row[]> {
  const what = (method: string): string => `SqueezeNet, ${method}, ${SAMPLES} samples: peak above a session that ran once`;
  const reference = "≤ 50 MiB and one sample";
  const path = shared("models/squeezenet-fp16.onnx");
  if (path === null) return [notAtHand("6", what("calibration"), reference)];
  if (!existsSync("/proc/self/status")) return [notAtHand("6", what("calibration"), reference, "this system does not tell peaks")];
  const file = join(workDir, "to-calibrate.onnx");
  const model = await prepared(path);
  await writeFile(file, writeOnnx(model));
  const sample = tensorBytes(model);
  const session = await peakBytes(file, "session", 1);
  const rows: Row[] = [];
  for (const method of METHODS) {
    const [few, many] = [await peakBytes(file, method, 1), await peakBytes(file, method, SAMPLES)];
    const above = many - session;
    const measured = `${mib(above)} MiB (session ${mib(session)}, calibrated with 1 ${mib(few)}, with ${SAMPLES} ${mib(many)}; a sample's tensors ${mib(sample)})`;
    rows.push({ item: "6", what: what(method), measured, reference, holds: above <= sample + 50 * MIB });
  }
  return rows;
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

/** All values that one run of the model computes, in bytes. */
function tensorBytes(model: OnnxModel): number {
  const types = inferShapes(model);
  const made = model.graph.nodes.filter(({ opType }) => opType !== "Constant").flatMap(({ outputs }) => outputs);
  return made.reduce((sum, name) => sum + 4 * (types.get(name)?.shape ?? [0]).reduce<number>((product, size) => product * (typeof size === "number" ? size : 1), 1), 0);
}

async function peakBytes(file: string, method: string, samples: number): Promise<number> {
  const child = spawn(process.execPath, [...ON_LEASH, join(import.meta.dirname, "calibration-child.ts"), file, method, String(samples)], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => { text += chunk.toString(); });
  const code = await new Promise((resolve) => child.once("close", resolve));
  const bytes = Number(text);
  if (code !== 0 || !(bytes > 0)) throw new Error(`the calibration ended with ${String(code)}`);
  return bytes;
}
