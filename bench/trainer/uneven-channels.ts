import { cloneModel, floats, tensorNumbers, type OnnxModel } from "@flotilla/runtime/ir";

/**
 * The same function in float with channels of very different size, as training sometimes leaves them (Nagel et al. 2019, "Data-free quantization", figure 2): the first filter of each convolution
 * that another one follows is `factor` times as large, and the next convolution reads its channel as much smaller. Relu and pools between them pass a factor on. With one scale for a whole tensor
 * most steps are then spent on that one channel.
 */
export function withUnevenChannels(model: OnnxModel, factor: number): OnnxModel {
  const copy = cloneModel(model);
  const convolutions = copy.graph.nodes.filter(({ opType }) => opType === "Conv").map(({ inputs }) => inputs);
  const larger = new Set(convolutions.slice(0, -1).flatMap(([, weight = "", bias = ""]) => [weight, bias]));
  const reading = new Set(convolutions.slice(1).map(([, weight = ""]) => weight));
  copy.graph.initializers = copy.graph.initializers.map((tensor) => {
    if (!larger.has(tensor.name) && !reading.has(tensor.name)) return tensor;
    const [filters = 1, channels = 1] = tensor.dims;
    const values = Float32Array.from(tensorNumbers(tensor));
    const each = values.length / filters;
    return floats(tensor.name, tensor.dims, values.map((value, i) => value * (larger.has(tensor.name) && i < each ? factor : 1) / (reading.has(tensor.name) && i % each < each / channels ? factor : 1)));
  });
  return copy;
}
