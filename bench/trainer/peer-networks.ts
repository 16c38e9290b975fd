import type { OnnxModel } from "@flotilla/runtime/ir";
import { buildTemplate } from "@flotilla/trainer";
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

/** An encoder (Vaswani et al. 2017, norms first): 1,000 words, 32 places, two layers of 64 numbers with four heads. */
function transformer(): OnnxModel {
  const [words, places, width, heads, net] = [1_000, 32, 64, 4, new NetworkWriter()];
  const norm = (name: string, x: string): string => net.node("LayerNormalization", [x, net.weight(`${name}/gamma`, [width], 0.2, 1), net.weight(`${name}/beta`, [width], 0.1)], { axis: { int: -1 }, epsilon: { float: 1e-5 } });
  const apart = net.int64s("heads apart", [0, 0, heads, width / heads]);
  const together = net.int64s("heads together", [0, 0, width]);
  const rootOfHead = net.constant("root of a head's width", Math.sqrt(width / heads));
  let x = net.node("Add", [net.node("Gather", [net.weight("words", [words, width], 0.5), "input"]), net.weight("places", [places, width], 0.2)]);
  for (const layer of ["layer1", "layer2"]) {
    const seen = norm(`${layer}/norm1`, x);
    const split = (name: string, perm: readonly number[]): string => net.node("Transpose", [net.node("Reshape", [net.dense(`${layer}/${name}`, seen, width, width), apart])], { perm: { ints: perm } });
    const [query, key, value] = [split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1]), split("value", [0, 2, 1, 3])];
    const shares = net.node("Softmax", [net.node("Div", [net.node("MatMul", [query, key]), rootOfHead])], { axis: { int: -1 } });
    const heard = net.node("Reshape", [net.node("Transpose", [net.node("MatMul", [shares, value])], { perm: { ints: [0, 2, 1, 3] } }), together]);
    x = net.node("Add", [x, net.dense(`${layer}/heard`, heard, width, width)]);
    const thought = net.node("Gelu", [net.dense(`${layer}/wide`, norm(`${layer}/norm2`, x), width, 2 * width)]);
    x = net.node("Add", [x, net.dense(`${layer}/narrow`, thought, 2 * width, width)]);
  }
  const mean = net.node("ReduceMean", [norm("norm", x), net.int64s("over places", [1])], { keepdims: { int: 0 } });
  return net.finish(net.dense("answers", mean, width, ANSWERS), { name: "input", elementType: "int64", shape: [places] }, ANSWERS);
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
