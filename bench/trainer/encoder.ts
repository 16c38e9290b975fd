import type { NetworkWriter } from "./network-writer.ts";

/** Widths of an encoder; `spreads`: how far gammas and betas of its norms are drawn from 1 and 0. */
export type EncoderSizes = { readonly width: number; readonly heads: number; readonly answers: number; readonly spreads: readonly [gamma: number, beta: number] };

const LAYERS = ["layer1", "layer2"];

/** Two layers of an encoder (Vaswani et al. 2017, norms first) on `x`, [batch, places, width], and answers from the mean over its places. */
export function encoderOn(net: NetworkWriter, begun: string, { width, heads, answers, spreads: [gamma, beta] }: EncoderSizes): string {
  const norm = (name: string, x: string): string => net.node("LayerNormalization", [x, net.weight(`${name}/gamma`, [width], gamma, 1), net.weight(`${name}/beta`, [width], beta)], { axis: { int: -1 }, epsilon: { float: 1e-5 } });
  const apart = net.int64s("heads apart", [0, 0, heads, width / heads]);
  const together = net.int64s("heads together", [0, 0, width]);
  const rootOfHead = net.constant("root of a head's width", Math.sqrt(width / heads));
  let x = begun;
  for (const layer of LAYERS) {
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
  return net.dense("answers", mean, width, answers);
}
