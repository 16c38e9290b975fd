import type { OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { elementCount, GraphIndex, int64s, intAttribute, makeNode, rawTensor } from "@flotilla/runtime/ir";
import { isDequantize, isQuantize } from "../fusion/qdq-view.ts";

/** What ONNX Runtime's kernel for unsigned activations and signed weights takes (MLAS, ConvSym): input channels by fours, filters by 16. */
const [CHANNEL_BLOCK, FILTER_BLOCK] = [4, 16];
/** From here on one channel alone costs less as it is than four do in the better kernel (7 × 7: 1.2 × the time of one, 0.9 × of three). */
const LARGE_WINDOW = 26;

/**
 * Gives quantised convolutions that read an input of the model further channels, which are 0 and have weights of 0, so that an image's
 * three make a block of four. Otherwise the runtime lays out each window in memory first: with AVX512-VNNI that takes 1.6 to 2.5 × the
 * time (3 × 3, one or three channels, 16 to 64 filters). The integers are padded, so results stay the same bit by bit. Behind another
 * layer the padding would cost more than it saves; signed activations are left alone, since x86 makes them unsigned only without a Pad
 * in between. Edits a QDQ model in place.
 */
export function alignChannels(model: OnnxModel): void {
  let index = new GraphIndex(model.graph);
  for (const node of model.graph.nodes.filter(({ opType }) => opType === "Conv")) {
    const found = oddConvolution(node, index);
    if (found === null) continue;
    align(model, node, found, index);
    index = new GraphIndex(model.graph);
  }
  new GraphIndex(model.graph).removeUnused();
}

type OddConvolution = { readonly dequantize: OnnxNode; readonly dequantizeWeights: OnnxNode; readonly weights: OnnxTensor; readonly integers: Uint8Array };

function oddConvolution(node: OnnxNode, index: GraphIndex): OddConvolution | null {
  if (node.domain !== "" || intAttribute(node, "group", 1) !== 1) return null;
  const [dequantize, dequantizeWeights] = [index.producer(node.inputs[0] ?? ""), index.producer(node.inputs[1] ?? "")];
  if (!isDequantize(dequantize) || !isDequantize(dequantizeWeights)) return null;
  const quantize = index.producer(dequantize.inputs[0] ?? "");
  if (quantize === null || !isQuantize(quantize) || index.producer(quantize.inputs[0] ?? "") !== null) return null;
  if (index.constantValue(dequantize.inputs[2] ?? "")?.elementType !== "uint8") return null;
  const weights = index.initializer(dequantizeWeights.inputs[0] ?? "");
  if (weights?.elementType !== "int8" || Array.isArray(weights.data) || index.onlyConsumer(dequantizeWeights.outputs[0] ?? "") === null) return null;
  const [filters = 0, channels = 0, ...window] = weights.dims;
  const missing = (CHANNEL_BLOCK - (channels % CHANNEL_BLOCK)) % CHANNEL_BLOCK;
  if (missing === 0 || filters % FILTER_BLOCK !== 0 || (missing > 1 && elementCount(window) >= LARGE_WINDOW)) return null;
  return { dequantize, dequantizeWeights, weights, integers: weights.data };
}

function align({ graph }: OnnxModel, node: OnnxNode, { dequantize, dequantizeWeights, weights, integers }: OddConvolution, index: GraphIndex): void {
  const [filters = 0, channels = 0, ...window] = weights.dims;
  const aligned = Math.ceil(channels / CHANNEL_BLOCK) * CHANNEL_BLOCK;
  const [before, after] = [channels * elementCount(window), aligned * elementCount(window)];
  const data = new Uint8Array(filters * after);
  for (let filter = 0; filter < filters; filter += 1) data.set(integers.subarray(filter * before, (filter + 1) * before), filter * after);
  const widths = Array.from({ length: 2 * weights.dims.length }, (_, at) => (at === weights.dims.length + 1 ? aligned - channels : 0));
  const [pads, padded, real, blocks] = [index.freshName(`${node.name}_pads`), index.freshName(`${node.name}_padded`), index.freshName(`${node.name}_padded_dequantized`), index.freshName(`${weights.name}_padded`)];
  graph.initializers.push(int64s(pads, [widths.length], widths), rawTensor(blocks, weights.elementType, [filters, aligned, ...window], data));
  const [quantized = "", scale = "", zeroPoint = ""] = dequantize.inputs;
  graph.nodes.splice(
    graph.nodes.indexOf(node),
    0,
    makeNode("Pad", [quantized, pads, zeroPoint], [padded], {}, { name: index.freshName(`${node.name}_pad_channels`) }),
    makeNode("DequantizeLinear", [padded, scale, zeroPoint], [real], {}, { name: index.freshName(`${real}_DequantizeLinear`) }),
  );
  node.inputs[0] = real;
  dequantizeWeights.inputs[0] = blocks;
}
