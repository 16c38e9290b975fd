// Item 2: what simplification makes of a detector.
import { readFileSync } from "node:fs";
import { measureInterleaved, simplify } from "@flotilla/optimizer";
import { type OpenModel, openModel, syntheticFeeds, type Tensors } from "@flotilla/runtime";
import { type OnnxModel, readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { shared } from "./examples.ts";
import { notAtHand, type Row } from "./row.ts";

export async function faceDetector(): Promise<Row[]> {
  const path = shared("models/face-rfb-320.onnx");
  if (path === null) return [notAtHand("2", "face-rfb-320, simplified", "≤ 125 nodes, ≥ 3 x")];
  const raw = readFileSync(path);
  const { model, report } = await simplify(readOnnx(raw));
  const norms = model.graph.nodes.filter(({ opType }) => opType === "BatchNormalization").length;
  const [parent, edited, variant] = [await openModel(raw), await openModel(writeOnnx(withoutWeightInputs(raw))), await openModel(writeOnnx(model))];
  let error = 0;
  for (let seed = 1; seed <= 10; seed += 1) {
    const feeds = syntheticFeeds(parent.inputs, seed);
    const [before, after] = [await parent.run(feeds), await variant.run(feeds)];
    for (const [name, { data }] of Object.entries(before)) {
      const others = after[name]?.data ?? [];
      for (const [index, value] of data.entries()) error = Math.max(error, Math.abs(Number(value) - Number(others[index])));
    }
  }
  const feeds = syntheticFeeds(parent.inputs, 1);
  const [byAll, byEdit, beyondEdit] = [await timesFaster(parent, variant, feeds), await timesFaster(parent, edited, feeds), await timesFaster(edited, variant, feeds)];
  for (const session of [parent, edited, variant]) await session.close();
  return [
    { item: "2", what: "face-rfb-320, nodes", measured: `${report.before.nodes} → ${report.after.nodes}`, reference: "≤ 125", holds: report.after.nodes <= 125 },
    { item: "2", what: "face-rfb-320, BatchNormalization left", measured: String(norms), reference: "0", holds: norms === 0 },
    { item: "2", what: "face-rfb-320, largest error, 10 inputs", measured: error.toExponential(1), reference: "≤ 1e-4", holds: error <= 1e-4 },
    { item: "2", what: "face-rfb-320, raw time over simplified, 1 thread", measured: byAll.words, reference: "≥ 3 x", holds: byAll.times >= 3 },
    { item: "2", what: "face-rfb-320, raw time over the file whose weights are no inputs", measured: byEdit.words, reference: "3.6 x elsewhere", holds: null },
    { item: "2", what: "face-rfb-320, that file's time over simplified", measured: beyondEdit.words, reference: "≥ 1 x", holds: beyondEdit.times >= 1 },
  ];
}

/** The one edit after which ONNX Runtime folds by itself what it can: the yardstick of what this processor gains at all. */
function withoutWeightInputs(raw: Uint8Array): OnnxModel {
  const model = readOnnx(raw);
  const weights = new Set(model.graph.initializers.map(({ name }) => name));
  model.graph.inputs = model.graph.inputs.filter(({ name }) => !weights.has(name));
  model.irVersion = Math.max(model.irVersion, 4);
  return model;
}

async function timesFaster(slow: OpenModel, quick: OpenModel, feeds: Tensors): Promise<{ times: number; words: string }> {
  const { ratio } = await measureInterleaved(slow, quick, feeds);
  const times = 1 / ratio.median;
  return { times, words: `${times.toFixed(2)} x (95 %: ${(1 / ratio.high).toFixed(2)} to ${(1 / ratio.low).toFixed(2)}, ${ratio.pairs} pairs)` };
}
