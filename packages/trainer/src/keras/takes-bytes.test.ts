import { seededRandom } from "@flotilla/runtime";
import { floats, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { takesBytes } from "./takes-bytes.ts";

const [FILTERS, CHANNELS] = [6, 3];

/** A network whose norm has seen what its convolution makes of pixels up to `highest`, of which neighbours are alike or not. */
function network({ highest, areAlike = false, hasNorm = true, isReadTwice = false }: { highest: number; areAlike?: boolean; hasNorm?: boolean; isReadTwice?: boolean }): OnnxModel {
  const builder = new GraphBuilder("first layers");
  const random = seededRandom(2);
  const weights = Float32Array.from({ length: FILTERS * CHANNELS * 9 }, () => random() - 0.4);
  const each = weights.length / FILTERS;
  const variances = Array.from({ length: FILTERS }, (_, i) => {
    const own = weights.subarray(i * each, (i + 1) * each);
    return (0.29 * highest) ** 2 * (areAlike ? own.reduce((sum, weight) => sum + weight, 0) ** 2 : own.reduce((sum, weight) => sum + weight * weight, 0));
  });
  const pixels = builder.emit("Transpose", [builder.input("x", float32([1, 8, 8, CHANNELS]))], float32([1, CHANNELS, 8, 8]), { perm: { ints: [0, 3, 1, 2] } });
  const type = float32([1, FILTERS, 6, 6]);
  const conv = builder.emit("Conv", [pixels, builder.initializer(floats("kernel", [FILTERS, CHANNELS, 3, 3], weights))], type);
  const vectors = [1, 0, 0].map((value) => builder.floats(new Array<number>(FILTERS).fill(value)));
  const norm = hasNorm ? builder.emit("BatchNormalization", [conv, ...vectors, builder.floats(variances)], type) : conv;
  builder.output(builder.emit("Relu", [norm], type), "y");
  if (isReadTwice) builder.output(builder.emit("Neg", [conv], type), "beside");
  return builder.toModel();
}

test.each([
  ["pixels to 1", { highest: 1 }, false], ["pixels to 1, neighbours alike", { highest: 1, areAlike: true }, false], ["pixels from -1 to 1", { highest: 2 }, false],
  ["pixels to 255", { highest: 255 }, true], ["pixels to 255, neighbours alike", { highest: 255, areAlike: true }, true],
  ["no norm that could tell", { highest: 255, hasNorm: false }, false], ["a convolution that others read too", { highest: 255, isReadTwice: true }, false],
] as const)("from the first norm's memory it is seen what a network was trained on: %s", (_, some, bytes) => {
  expect(takesBytes(network(some))).toBe(bytes);
});
