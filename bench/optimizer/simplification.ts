// Item 2: what simplification makes of a detector.
import { readFileSync } from "node:fs";
import { measureInterleaved, simplify } from "@flotilla/optimizer";
import { openModel, syntheticFeeds } from "@flotilla/runtime";
import { readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { shared } from "./examples.ts";
import { notAtHand, type Row } from "./row.ts";

export async function faceDetector(): Promise<Row[]> {
  const path = shared("models/face-rfb-320.onnx");
  if (path === null) return [notAtHand("2", "face-rfb-320, simplified", "≤ 125 nodes, ≥ 3 x")];
  const raw = readFileSync(path);
  const { model, report } = await simplify(readOnnx(raw));
  const norms = model.graph.nodes.filter(({ opType }) => opType === "BatchNormalization").length;
  const [parent, variant] = [await openModel(raw), await openModel(writeOnnx(model))];
  let error = 0;
  for (let seed = 1; seed <= 10; seed += 1) {
    const feeds = syntheticFeeds(parent.inputs, seed);
    const [before, after] = [await parent.run(feeds), await variant.run(feeds)];
    for (const [name, { data }] of Object.entries(before)) {
      const others = after[name]?.data ?? [];
      for (const [index, value] of data.entries()) error = Math.max(error, Math.abs(Number(value) - Number(others[index])));
    }
  }
  const { ratio } = await measureInterleaved(parent, variant, syntheticFeeds(parent.inputs, 1));
  await parent.close();
  await variant.close();
  const faster = 1 / ratio.median;
  return [
    { item: "2", what: "face-rfb-320, nodes", measured: `${report.before.nodes} → ${report.after.nodes}`, reference: "≤ 125", holds: report.after.nodes <= 125 },
    { item: "2", what: "face-rfb-320, BatchNormalization left", measured: String(norms), reference: "0", holds: norms === 0 },
    { item: "2", what: "face-rfb-320, largest error, 10 inputs", measured: error.toExponential(1), reference: "≤ 1e-4", holds: error <= 1e-4 },
    { item: "2", what: "face-rfb-320, raw time over simplified, 1 thread", measured: `${faster.toFixed(2)} x (95 %: ${(1 / ratio.high).toFixed(2)} to ${(1 / ratio.low).toFixed(2)}, ${ratio.pairs} pairs)`, reference: "≥ 3 x", holds: faster >= 3 },
  ];
}
