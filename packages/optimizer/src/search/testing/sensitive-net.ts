import type { Tensors } from "@flotilla/runtime";
import { openModel, seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { floats, makeNode, writeOnnx } from "@flotilla/runtime/ir";
import { topClass } from "../../evaluate/output-scores.ts";
import type { Example, ExampleSource } from "../../examples.ts";
import { smallModel, value } from "../../testing/small-graphs.ts";

/**
 * Three convolutions and a classifier of four classes. The first channel behind conv1 is always 0, and conv2 has weights of 1,000 for it:
 * they change nothing in float, and on integers leave no levels to its other weights.
 */
function sensitiveNet(): OnnxModel {
  const random = seededRandom(11);
  const weights = (name: string, dims: readonly number[], change: (weight: number, at: number) => number = (weight) => weight) =>
    floats(name, dims, Float32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, (_, at) => change((random() - 0.5) / 2, at)));
  return smallModel({
    opset: 17,
    inputs: [value("x", [1, 3, 8, 8])],
    outputs: [value("scores", [1, 4])],
    initializers: [
      weights("w1", [8, 3, 3, 3], (weight, at) => (at < 27 ? 0 : weight)),
      floats("b1", [8], [-1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]),
      weights("w2", [8, 8, 3, 3], (weight, at) => (at % 72 < 9 ? 1_000 : weight)),
      weights("w3", [8, 8, 3, 3]),
      weights("w4", [8, 4], (weight) => 40 * weight),
    ],
    nodes: [
      makeNode("Conv", ["x", "w1", "b1"], ["c1"], { pads: { ints: [1, 1, 1, 1] } }, { name: "conv1" }),
      makeNode("Relu", ["c1"], ["r1"], {}, { name: "relu1" }),
      makeNode("Conv", ["r1", "w2"], ["c2"], { pads: { ints: [1, 1, 1, 1] } }, { name: "conv2" }),
      makeNode("Relu", ["c2"], ["r2"], {}, { name: "relu2" }),
      makeNode("Conv", ["r2", "w3"], ["c3"], { pads: { ints: [1, 1, 1, 1] } }, { name: "conv3" }),
      makeNode("Relu", ["c3"], ["r3"], {}, { name: "relu3" }),
      makeNode("GlobalAveragePool", ["r3"], ["g"], {}, { name: "pool" }),
      makeNode("Flatten", ["g"], ["f"], {}, { name: "flatten" }),
      makeNode("Gemm", ["f", "w4"], ["logits"], {}, { name: "classifier" }),
      makeNode("Sub", ["logits", "centre"], ["scores"], {}, { name: "centred" }),
    ],
  });
}

/** The net with its scores brought to a mean of 0, and images that it names with a margin: their labels are its own answers. */
export async function sensitiveTask(count: number): Promise<{ readonly model: OnnxModel; readonly examples: ExampleSource }> {
  const model = sensitiveNet();
  const images = Array.from({ length: 4 * count }, (_, seed) => image(seed));
  const raw = await scoresOf({ ...model, graph: { ...model.graph, initializers: [...model.graph.initializers, floats("centre", [4], [0, 0, 0, 0])] } }, images);
  const centre = Float32Array.from({ length: 4 }, (_, at) => raw.reduce((sum, scores) => sum + (scores[at] ?? 0) / raw.length, 0));
  model.graph.initializers.push(floats("centre", [4], centre));
  const answers = (await scoresOf(model, images)).map((scores, at) => {
    const sorted = Array.from(scores).sort((a, b) => b - a);
    return { feeds: images[at] ?? {}, label: topClass(scores), margin: (sorted[0] ?? 0) - (sorted[1] ?? 0) };
  });
  const clear = answers.toSorted((a, b) => b.margin - a.margin).slice(0, count).map(({ feeds, label }): Example => ({ feeds, label }));
  return { model, examples: { count: clear.length, read: (index) => Promise.resolve(clear[index] ?? { feeds: {}, label: null }) } };
}

/** Noise over a brightness of its own in each channel. */
function image(seed: number): Tensors {
  const random = seededRandom(seed + 1);
  const levels = [random() * 2 - 1, random() * 2 - 1, random() * 2 - 1];
  return { x: { elementType: "float32", shape: [1, 3, 8, 8], data: Float32Array.from({ length: 192 }, (_, at) => (levels[Math.floor(at / 64)] ?? 0) + random() * 0.2) } };
}

async function scoresOf(model: OnnxModel, images: readonly Tensors[]): Promise<Float32Array[]> {
  const session = await openModel(writeOnnx(model));
  const scores: Float32Array[] = [];
  for (const feeds of images) scores.push((await session.run(feeds))["scores"]?.data as Float32Array);
  await session.close();
  return scores;
}
