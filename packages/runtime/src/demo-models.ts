import type { NodeDescription, TensorDescription } from "./onnx-writer.ts";
import { buildModel, floatTensor } from "./onnx-writer.ts";
import { seededRandom } from "./random.ts";

export type DemoConvNetOptions = {
  /** Same seed, same bytes; another seed gives the same graph with other weights. */
  readonly seed: number;
  /** Filters of the first convolution; the second has twice as many. Default 8. */
  readonly channels?: number;
  /** Height and width of the one-channel image; a multiple of 4. Default 28. */
  readonly inputSize?: number;
  /** Default 10. */
  readonly classes?: number;
};

/**
 * A small digit classifier with random (He-scaled) weights: input `image` float32 [batch, 1, size, size], output `scores`
 * float32 [batch, classes] that sum to 1. It is valid and quick (about 0.1 ms) but knows nothing about digits.
 */
export function demoConvNet(options: DemoConvNetOptions): Uint8Array {
  const { seed, channels = 8, inputSize = 28, classes = 10 } = options;
  if (inputSize % 4 !== 0) throw new RangeError(`inputSize must be a multiple of 4, not ${inputSize}`);
  const normal = normalNumbers(seed);
  const weights = (name: string, shape: readonly number[], fanIn: number): TensorDescription => {
    const scale = Math.sqrt(2 / fanIn);
    const count = shape.reduce((product, dim) => product * dim, 1);
    return floatTensor(name, shape, Float32Array.from({ length: count }, () => normal() * scale));
  };
  const zeros = (name: string, count: number) => floatTensor(name, [count], new Float32Array(count));
  const features = channels * 2 * (inputSize / 4) ** 2;
  return buildModel({
    producerName: "flotilla-demo",
    graph: {
      name: "digit_reader",
      inputs: [{ name: "image", elementType: "float32", shape: ["batch", 1, inputSize, inputSize] }],
      outputs: [{ name: "scores", elementType: "float32", shape: ["batch", classes] }],
      initializers: [
        weights("conv1.weight", [channels, 1, 3, 3], 9),
        zeros("conv1.bias", channels),
        weights("conv2.weight", [channels * 2, channels, 3, 3], channels * 9),
        zeros("conv2.bias", channels * 2),
        weights("classifier.weight", [classes, features], features),
        zeros("classifier.bias", classes),
      ],
      nodes: [
        ...convBlock("conv1", "image", "pool1"),
        ...convBlock("conv2", "pool1", "pool2"),
        { name: "flatten", opType: "Flatten", inputs: ["pool2"], outputs: ["features"], attributes: { axis: { int: 1 } } },
        {
          name: "classifier",
          opType: "Gemm",
          inputs: ["features", "classifier.weight", "classifier.bias"],
          outputs: ["logits"],
          attributes: { transB: { int: 1 } },
        },
        { name: "softmax", opType: "Softmax", inputs: ["logits"], outputs: ["scores"], attributes: { axis: { int: -1 } } },
      ],
    },
  });
}

function convBlock(name: string, input: string, output: string): NodeDescription[] {
  return [
    {
      name,
      opType: "Conv",
      inputs: [input, `${name}.weight`, `${name}.bias`],
      outputs: [`${name}.out`],
      attributes: { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } },
    },
    { name: `${name}.relu`, opType: "Relu", inputs: [`${name}.out`], outputs: [`${name}.act`] },
    {
      name: `${name}.pool`,
      opType: "MaxPool",
      inputs: [`${name}.act`],
      outputs: [output],
      attributes: { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } },
    },
  ];
}

/** Standard normal numbers by Box and Muller, from the seeded generator. */
function normalNumbers(seed: number): () => number {
  const uniform = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
