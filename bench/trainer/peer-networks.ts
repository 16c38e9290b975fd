import type { OnnxModel } from "@flotilla/runtime/ir";
import { buildTemplate } from "@flotilla/trainer";
import { encoderOn } from "./encoder.ts";
import { NetworkWriter } from "./network-writer.ts";
import { seedCnn } from "./seed-cnn.ts";

const ANSWERS = 10;
const template = (id: string, preset: string, input: readonly number[]) => (): OnnxModel => buildTemplate(id, preset, { input, answers: ANSWERS, isClassifier: true }, 1);

/** ResNet-18 for pictures of 32 × 32 (He et al. 2016): a first convolution of 3 × 3 and no pool, then 64, 128, 256 and 512 filters, two blocks each. */
function resNet18(): OnnxModel {
  const net = new NetworkWriter();
  let [x, channels] = [net.node("Relu", [net.convNorm("first", "input", [3, 64, 3, 1])]), 64];
  for (const [at, filters] of [64, 128, 256, 512].entries()) {
    for (const block of [0, 1]) {
      const [name, stride] = [`stage${at}/block${block}`, at > 0 && block === 0 ? 2 : 1];
      const inner = net.node("Relu", [net.convNorm(`${name}/one`, x, [channels, filters, 3, stride])]);
      const through = net.convNorm(`${name}/two`, inner, [filters, filters, 3, 1]);
      x = net.node("Relu", [net.node("Add", [through, stride === 1 ? x : net.convNorm(`${name}/beside`, x, [channels, filters, 1, stride])])]);
      channels = filters;
    }
  }
  return net.finish(net.dense("answers", net.node("Flatten", [net.node("GlobalAveragePool", [x])]), channels, ANSWERS), { name: "input", elementType: "float32", shape: [3, 32, 32] }, ANSWERS);
}

/** Two LSTM layers of 64 units over 49 steps of 16 numbers; the last state answers. */
function lstm(): OnnxModel {
  const [steps, features, units, net] = [49, 16, 64, new NetworkWriter()];
  const run = (name: string, x: string, inputs: number): string[] => {
    const weights = [[4 * units, inputs], [4 * units, units], [8 * units]].map((dims, i) => net.weight(`${name}/${["kernel", "recurrent", "bias"][i] ?? ""}`, [1, ...dims], 1 / Math.sqrt(units)));
    return net.nodeOf("LSTM", [x, ...weights], 2, { hidden_size: { int: units } });
  };
  const [first = ""] = run("lstm1", net.node("Transpose", ["input"], { perm: { ints: [1, 0, 2] } }), features);
  const [, last = ""] = run("lstm2", net.node("Squeeze", [first, net.int64s("directions", [1])]), units);
  return net.finish(net.dense("answers", net.node("Squeeze", [last, net.int64s("one", [0])]), units, ANSWERS), { name: "input", elementType: "float32", shape: [steps, features] }, ANSWERS);
}

/** An encoder of 1,000 words and 32 places, 64 numbers with four heads. */
function transformer(): OnnxModel {
  const [places, width, net] = [32, 64, new NetworkWriter()];
  const x = net.node("Add", [net.node("Gather", [net.weight("words", [WORDS, width], 0.5), "input"]), net.weight("places", [places, width], 0.2)]);
  return net.finish(encoderOn(net, x, { width, heads: 4, answers: ANSWERS, spreads: [0.2, 0.1] }), { name: "input", elementType: "int64", shape: [places] }, ANSWERS);
}

/** Networks that a peer knows by these names; it is handed their weights, and takes the rest from here. Kernels of dense layers are [inputs, outputs]; even strides pad behind, as in TensorFlow. */
export const PEER_NETWORKS: Readonly<Record<string, () => OnnxModel>> = {
  "seed-cnn": seedCnn,
  "resnet-8": template("resnet", "small", [3, 32, 32]),
  mobilenet: template("mobilenet", "medium", [3, 64, 64]),
  "keyword-spotter": template("ds-cnn", "medium", [16_000]),
  lstm,
  transformer,
  "resnet-18": resNet18,
};
/** Numbers that the transformer's input stands for. */
export const WORDS = 1_000;
/** All but the matrices of a formula, which no training changes. */
export const isLearnt = (initializer: string): boolean => !initializer.startsWith("fixed/");
