import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openModel, seededRandom, type OpenModel, type Tensor, type Tensors } from "@flotilla/runtime";
import { elementCount, writeOnnx } from "@flotilla/runtime/ir";
import { buildTrainingStep, DEFAULT_RECIPE, type TrainingRecipe } from "@flotilla/trainer";
import type { Row } from "../optimizer/row.ts";
import { isLearnt, PEER_NETWORKS, WORDS } from "./peer-networks.ts";
import type { PeerProcess } from "./peer-process.ts";
import { firstFeeds, oneClassEach, single } from "./step-feeds.ts";

const [BATCH, ANSWERS] = [16, 10];
const ERROR_MAX = 1e-4;
/** How many batches are drawn of networks with so many values that one of them lies at Relu's bend in many batches: of the spotter, in more than nine of ten. */
const BATCHES_AT_THE_BEND: Readonly<Record<string, number>> = { mobilenet: 12, "keyword-spotter": 36 };
const SEED = 1;
/** Tensors whose gradient is shorter than that share of the whole one are measured by this share: of some (the bias of attention's keys) it is 0. */
const LEAST_SHARE = 1e-3;
/** Two batches, so that the step answers its gradient instead of the optimizer's change. */
const RECIPE: TrainingRecipe = { ...DEFAULT_RECIPE, batchSize: BATCH, accumulation: 2 };

/**
 * Whole-network gradients in single precision beside the peer's in double precision, and beside those the peer has in single precision. Of a million values one may lie so near to Relu's bend that the
 * last digit decides on which side; what the gradients of its channel then differ by is nobody's fault. A wrong rule is wrong in every batch: where values lie at the bend, several batches are drawn and the
 * best is judged. `isSmooth`: both have Softplus wherever the network has Relu, so that every difference counts.
 */
export async function peerGradients(peer: PeerProcess, peerName: string, { network, isSmooth, workDir }: { network: string; isSmooth: boolean; workDir: string }): Promise<Row> {
  const model = PEER_NETWORKS[network]?.();
  if (model === undefined) throw new RangeError(`no network "${network}"`);
  if (isSmooth) for (const node of model.graph.nodes) if (node.opType === "Relu") node.opType = "Softplus";
  const written = await buildTrainingStep(model, { batchSize: BATCH, recipe: RECIPE, trainable: isLearnt });
  const open = await openModel(writeOnnx(written.model), { graphOptimization: "extended" });
  const batches: Compared[] = [];
  const wanted = isSmooth ? 1 : (BATCHES_AT_THE_BEND[network] ?? 1);
  try {
    for (let n = 0; n < wanted; n += 1) batches.push(await compared(peer, { written, open }, { network, isSmooth, seed: SEED + n, folder: join(workDir, `${network}${isSmooth ? "-smooth" : ""}-${n}`) }));
  } finally {
    await open.close();
  }
  const [best] = batches.toSorted((a, b) => a.ours.error - b.ours.error);
  if (best === undefined) throw new RangeError("no batch was drawn");
  const within = (of: (batch: Compared) => number): number => batches.filter((batch) => of(batch) <= ERROR_MAX).length;
  const shares = wanted === 1 ? "" : `; within it in ${within(({ ours }) => ours.error)} of ${wanted} batches, the peer itself in ${within(({ theirs }) => theirs)}, at most ${largest(batches.map(({ ours }) => ours.error))} and ${largest(batches.map(({ theirs }) => theirs))}`;
  return {
    item: "gradients", what: `${network}${isSmooth ? " with Softplus for Relu" : ""}, ${written.parts.length} tensors, batch ${BATCH}, beside ${peerName} in double precision`,
    measured: `${best.ours.error.toExponential(1)} (${written.parts[best.ours.at]?.name ?? "?"}); the peer itself in single precision ${best.theirs.toExponential(1)}; loss ${best.losses}${shares}`,
    reference: `at most ${ERROR_MAX}: largest ‖ours − exact‖₂ / ‖exact‖₂ of a tensor`, holds: best.ours.error <= ERROR_MAX,
  };
}

type Compared = { readonly ours: { readonly error: number; readonly at: number }; readonly theirs: number; readonly losses: string };
const largest = (errors: readonly number[]): string => Math.max(...errors).toExponential(1);

async function compared(peer: PeerProcess, { written, open }: { written: Awaited<ReturnType<typeof buildTrainingStep>>; open: OpenModel }, { network, isSmooth, seed, folder }: { network: string; isSmooth: boolean; seed: number; folder: string }): Promise<Compared> {
  const { parts, parameters, inputs: [input] } = written;
  if (input === undefined) throw new RangeError(`the network "${network}" has no input`);
  const batch = drawn(network, input, seed);
  const targets = oneClassEach(BATCH, ANSWERS);
  const found = await open.run({ ...firstFeeds(written, open.inputs, BATCH), [input.name]: batch, targets });
  const gradient = numbers(found, "gradient");
  await writeBatch(folder, { network, isSmooth }, { input: batch, targets }, parameters);
  const { loss } = await peer.ask({ ask: "gradients", folder });
  const [exact, theirs] = await Promise.all(["f64", "f32"].map((kind) => Promise.all(parts.map((_, i) => numbersOfFile(join(folder, `${i}.bin.${kind}`))))));
  return {
    ours: largestError(parts.map(({ offset, length }) => Float64Array.from(gradient.subarray(offset, offset + length))), exact ?? []), theirs: largestError(theirs ?? [], exact ?? []).error,
    losses: `${numbers(found, "loss")[0]?.toFixed(6) ?? "?"} and ${Number(loss).toFixed(6)}`,
  };
}

function drawn(network: string, { name, type }: { readonly name: string; readonly type: { readonly elementType: string; readonly dims: readonly number[] } }, seed: number): Tensor {
  const random = seededRandom(seed);
  const count = elementCount(type.dims);
  if (type.elementType === "int64") return { elementType: "int64", shape: type.dims, data: BigInt64Array.from({ length: count }, () => BigInt(Math.floor(random() * WORDS))) };
  if (type.elementType !== "float32") throw new RangeError(`the input "${name}" of "${network}" is of ${type.elementType}`);
  return single(type.dims, Float32Array.from({ length: count }, () => 2 * random() - 1));
}

/** `batch.json`: `network`, `isSmooth`, and `input`, `targets` (shares of classes) and `parameters` as `{name, elementType, dims, file}`. A gradient is expected as `<file>.f64` and `<file>.f32`, both of 64-bit numbers, calculated in double and in single precision. */
async function writeBatch(folder: string, what: { readonly network: string; readonly isSmooth: boolean }, { input, targets }: { input: Tensor; targets: Tensor }, parameters: readonly { readonly name: string; readonly dims: readonly number[]; readonly values: Float32Array }[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = async (file: string, name: string, { elementType, shape, data }: Tensor) => {
    const view = data as Float32Array;
    await writeFile(join(folder, file), new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    return { name, elementType, dims: shape, file };
  };
  const tensors: object[] = [];
  for (const [i, { name, dims, values }] of parameters.entries()) tensors.push(await write(`${i}.bin`, name, single(dims, values)));
  await writeFile(join(folder, "batch.json"), JSON.stringify({ ...what, input: await write("input.bin", "input", input), targets: await write("targets.bin", "targets", targets), parameters: tensors }));
}

async function numbersOfFile(path: string): Promise<Float64Array> {
  const bytes = await readFile(path);
  return new Float64Array(new Uint8Array(bytes).buffer);
}

function largestError(found: readonly Float64Array[], exact: readonly Float64Array[]): { error: number; at: number } {
  const lengths = exact.map((values) => Math.hypot(...chunked(values)));
  const whole = Math.hypot(...lengths);
  const errors = exact.map((values, i) => Math.hypot(...chunked(values.map((value, at) => value - (found[i]?.[at] ?? Number.NaN)))) / Math.max(lengths[i] ?? 0, LEAST_SHARE * whole));
  const error = errors.reduce((most, each) => (Number.isNaN(each) || each > most ? each : most), 0);
  return { error, at: errors.indexOf(error) };
}

/** Lengths of pieces: a call takes only so many arguments. */
function chunked(values: Float64Array): number[] {
  return Array.from({ length: Math.ceil(values.length / 4_096) }, (_, i) => Math.hypot(...values.subarray(i * 4_096, (i + 1) * 4_096)));
}

function numbers(found: Tensors, name: string): Float32Array {
  const data = found[name]?.data;
  if (!(data instanceof Float32Array)) throw new RangeError(`the step answers no "${name}"`);
  return data;
}
