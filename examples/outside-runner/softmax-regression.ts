// A whole trainer for runner-client.ts, to read and to copy: softmax regression on a table, handed over as an ONNX graph that is written by hand. Node 24, nothing else.
// The table is one CSV file with a column "split"; rows that are not for training are left alone, so that the platform's own numbers on the test split say something.
import { createHash } from "node:crypto";
import { setImmediate as breathe } from "node:timers/promises";
import type { Task, Told, Trained } from "./runner-client.ts";

type Rows = { x: number[]; label: number }[];

const TELL_EVERY_MS = 250;

/** `parameters`: `epochs` (default 200) and `learningRate` (default 0.5). Ends early, with what it has, when a person asks for it. */
export async function train(task: Task, told: Told): Promise<Trained> {
  const { epochs = 200, learningRate = 0.5 } = task.training.parameters as { epochs?: number; learningRate?: number };
  const { classes, features } = task.dataset.summary as { classes: string[]; features: string[] };
  const rows = trainingRows(await download(task), classes, features);
  const scales = features.map((_, i) => spreadOf(rows.map(({ x }) => x[i] ?? 0)));
  const scaled = rows.map(({ x, label }) => ({ label, x: x.map((value, i) => (value - (scales[i]?.mean ?? 0)) / (scales[i]?.deviation ?? 1)) }));
  const weights = classes.map(() => new Array<number>(features.length + 1).fill(0));
  told.log(`${rows.length} rows of ${features.length} numbers, ${classes.length} classes`);
  let [epoch, toldAtMs, right] = [0, Number.NEGATIVE_INFINITY, 0];
  for (; epoch < epochs && !told.shouldStop() && !told.signal.aborted; epoch += 1) {
    const found = descend(weights, scaled, learningRate);
    right = found.right;
    if (performance.now() - toldAtMs >= TELL_EVERY_MS || epoch === epochs - 1) {
      toldAtMs = performance.now();
      told.point("train loss", epoch + 1, found.loss);
      told.point("train accuracy", epoch + 1, found.right);
    }
    // The heartbeat has to come through.
    await breathe();
  }
  // The model takes numbers as they are: what scaled them goes into its weights.
  const plain = weights.map((row) => scales.map(({ deviation }, i) => (row[i] ?? 0) / deviation));
  const bias = weights.map((row, c) => (row[features.length] ?? 0) - scales.reduce((sum, { mean }, i) => sum + (plain[c]?.[i] ?? 0) * mean, 0));
  return { model: linearModel(plain, bias), epochs: epoch, preprocessing: { kind: "values" }, best: { epoch, metric: "train accuracy", value: right } };
}

async function download({ dataset: { files } }: Task): Promise<string> {
  const [file] = files;
  if (file === undefined || files.length > 1) throw new Error("this script reads one CSV file");
  const answer = await fetch(file.url);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (!answer.ok || createHash("sha256").update(bytes).digest("hex") !== file.sha256) throw new Error(`${file.name}: the bytes are not those of the dataset (${answer.status})`);
  return new TextDecoder().decode(bytes);
}

/** Numbers stand in the columns that the platform found; the class in the one that is left. Cells without commas in them. */
function trainingRows(text: string, classes: readonly string[], features: readonly string[]): Rows {
  const [head = [], ...rows] = text.trim().split(/\r?\n/).map((line) => line.split(","));
  const [split, label] = [head.indexOf("split"), head.findIndex((name) => name !== "split" && !features.includes(name))];
  if (split < 0 || label < 0) throw new Error("this script wants columns for the class and for the split");
  return rows.filter((row) => row[split] === "train").map((row) => ({ x: features.map((name) => Number(row[head.indexOf(name)])), label: classes.indexOf(row[label] ?? "") }));
}

function spreadOf(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1 };
}

/** One step down the mean cross-entropy of all rows; the last weight of a class is its bias. */
function descend(weights: number[][], rows: Rows, learningRate: number): { loss: number; right: number } {
  const gradient = weights.map((row) => row.map(() => 0));
  let [loss, right] = [0, 0];
  for (const { x, label } of rows) {
    const input = [...x, 1];
    const powers = weights.map((row) => Math.exp(row.reduce((sum, weight, i) => sum + weight * (input[i] ?? 0), 0)));
    const total = powers.reduce((sum, power) => sum + power, 0);
    loss -= Math.log((powers[label] ?? 0) / total) / rows.length;
    if (powers.indexOf(Math.max(...powers)) === label) right += 1 / rows.length;
    for (const [c, row] of gradient.entries()) for (const i of row.keys()) row[i] = (row[i] ?? 0) + (((powers[c] ?? 0) / total - (c === label ? 1 : 0)) * (input[i] ?? 0)) / rows.length;
  }
  for (const [c, row] of weights.entries()) for (const i of row.keys()) row[i] = (row[i] ?? 0) - learningRate * (gradient[c]?.[i] ?? 0);
  return { loss, right };
}

/** softmax(x · Wᵀ + b) as an ONNX file (IR 8, opset 13): field numbers are those of onnx.proto. */
function linearModel(weights: readonly (readonly number[])[], bias: readonly number[]): Uint8Array {
  const [classes, features] = [weights.length, weights[0]?.length ?? 0];
  const tensor = (name: string, dims: readonly number[], values: readonly number[]) => message([...dims.map((dim) => varint(1, dim)), varint(2, 1), text(8, name), bytes(9, new Uint8Array(Float32Array.from(values).buffer))]);
  const value = (name: string, width: number) => message([text(1, name), bytes(2, message([bytes(1, message([varint(1, 1), bytes(2, message([bytes(1, message([text(2, "batch")])), bytes(1, message([varint(1, width)]))]))]))]))]);
  const product = message([text(1, "x"), text(1, "weights"), text(1, "bias"), text(2, "scores"), text(3, "classifier"), text(4, "Gemm"), bytes(5, message([text(1, "transB"), varint(3, 1), varint(20, 2)]))]);
  const shares = message([text(1, "scores"), text(2, "shares"), text(3, "softmax"), text(4, "Softmax")]);
  const graph = message([bytes(1, product), bytes(1, shares), text(2, "softmax regression"), bytes(5, tensor("weights", [classes, features], weights.flat())), bytes(5, tensor("bias", [classes], bias)), bytes(11, value("x", features)), bytes(12, value("shares", classes))]);
  return message([varint(1, 8), text(2, "softmax-regression.ts"), bytes(7, graph), bytes(8, message([varint(2, 13)]))]);
}

// Protocol buffers: a field is its number and kind, then a number, or a length and so many bytes.

function varint(field: number, value: number): Uint8Array {
  return Uint8Array.of(...digits(field * 8), ...digits(value));
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return message([Uint8Array.of(...digits(field * 8 + 2), ...digits(value.length)), value]);
}

function message(fields: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(fields));
}

function digits(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...digits(Math.floor(value / 128))];
}
