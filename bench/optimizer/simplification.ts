// Item 2: what simplification makes of a detector.
import { readFileSync } from "node:fs";
import { listPasses, measureInterleaved, simplify } from "@flotilla/optimizer";
import { openModel, syntheticFeeds } from "@flotilla/runtime";
import { type OnnxModel, readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { shared } from "./examples.ts";
import { notAtHand, timesFaster, type Row } from "./row.ts";

export async function faceDetector(): Promise<Row[]> {
  const path = shared("models/face-rfb-320.onnx");
  if (path === null) return [notAtHand("2", "face-rfb-320, simplified", "≤ 125 nodes, ≥ 3 x")];
  const raw = readFileSync(path);
  const { model, report } = await simplify(readOnnx(raw));
  const norms = model.graph.nodes.filter(({ opType }) => opType === "BatchNormalization").length;
  const [parent, edited, variant] = [await openModel(raw), await openModel(writeOnnx(await withoutWeightInputs(raw))), await openModel(writeOnnx(model))];
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
  const [byAll, byEdit, beyondEdit] = [(await measureInterleaved(parent, variant, feeds)).ratio, (await measureInterleaved(parent, edited, feeds)).ratio, (await measureInterleaved(edited, variant, feeds)).ratio];
  for (const session of [parent, edited, variant]) await session.close();
  return [
    { item: "2", what: "face-rfb-320, nodes", measured: `${report.before.nodes} → ${report.after.nodes}`, reference: "≤ 125", holds: report.after.nodes <= 125 },
    { item: "2", what: "face-rfb-320, BatchNormalization left", measured: String(norms), reference: "0", holds: norms === 0 },
    { item: "2", what: "face-rfb-320, largest error, 10 inputs", measured: error.toExponential(1), reference: "≤ 1e-4", holds: error <= 1e-4 },
    { item: "2", what: "face-rfb-320, raw time over simplified, 1 thread", measured: timesFaster(byAll), reference: "≥ 3 x", holds: 1 / byAll.median >= 3 },
    { item: "2", what: "face-rfb-320, raw time over the file whose weights are no inputs", measured: timesFaster(byEdit), reference: "3.6 x elsewhere", holds: null },
    { item: "2", what: "face-rfb-320, that file's time over simplified", measured: timesFaster(beyondEdit), reference: "≥ 1 x", holds: 1 / beyondEdit.median >= 1 },
  ];
}

/** The one edit after which ONNX Runtime folds by itself what it can: the yardstick of what this processor gains at all. */
async function withoutWeightInputs(raw: Uint8Array): Promise<OnnxModel> {
  const pass = listPasses().find(({ name }) => name === "initializers-out-of-inputs");
  if (pass === undefined) throw new Error("the pass that takes weights out of the inputs has another name");
  const model = readOnnx(raw);
  await pass.run(model, {});
  return model;
}
