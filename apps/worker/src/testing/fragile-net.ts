import { buildModel, floatTensor, type Tensors } from "@flotilla/runtime";
import { readOnnx, type OnnxModel } from "@flotilla/runtime/ir";

const SIDE = 16;
const WIDTH = 16;
const CLASSES = 4;

/**
 * Names the brightest of four channels. The first channel behind "first" is always 0, and "fragile" has weights of 1,000 for it: they change nothing in float, and leave no
 * level of eight bits to its other weights.
 */
export function fragileNet(): OnnxModel {
  const filters = (name: string, from: number, weight: (to: number, channel: number) => number) =>
    floatTensor(name, [WIDTH, from, 3, 3], Array.from({ length: WIDTH * from * 9 }, (_, at) => (at % 9 === 4 ? weight(Math.floor(at / (9 * from)), Math.floor(at / 9) % from) : 0)));
  const conv = (name: string, input: string, rest: string[]) => ({ name, opType: "Conv", inputs: [input, ...rest], outputs: [`${name}_out`], attributes: { pads: { ints: [1, 1, 1, 1] } } });
  const relu = (name: string) => ({ name: `${name}_relu`, opType: "Relu", inputs: [`${name}_out`], outputs: [`${name}_bright`] });
  const bias = Array.from({ length: WIDTH }, (_, at) => (at === 0 ? -1 : 0));
  return readOnnx(
    buildModel({
      graph: {
        inputs: [{ name: "x", elementType: "float32", shape: [1, CLASSES, SIDE, SIDE] }],
        outputs: [{ name: "scores", elementType: "float32", shape: [1, CLASSES] }],
        initializers: [
          filters("first_w", CLASSES, (to, channel) => (to === channel + 1 ? 1 : 0)),
          floatTensor("first_b", [WIDTH], bias),
          filters("fragile_w", WIDTH, (to, channel) => (channel === 0 ? 1_000 : to === channel ? 0.5 : 0)),
          filters("last_w", WIDTH, (to, channel) => (to === channel ? 1 : 0)),
          floatTensor("pick", [WIDTH, CLASSES], Array.from({ length: WIDTH * CLASSES }, (_, at) => (Math.floor(at / CLASSES) === (at % CLASSES) + 1 ? 1 : 0))),
        ],
        nodes: [
          conv("first", "x", ["first_w", "first_b"]), relu("first"),
          conv("fragile", "first_bright", ["fragile_w"]), relu("fragile"),
          conv("last", "fragile_bright", ["last_w"]), relu("last"),
          { name: "mean", opType: "GlobalAveragePool", inputs: ["last_bright"], outputs: ["means"] },
          { name: "flat", opType: "Flatten", inputs: ["means"], outputs: ["flat_out"] },
          { name: "pick", opType: "MatMul", inputs: ["flat_out", "pick"], outputs: ["scores"] },
        ],
      },
    }),
  );
}

/** Examples with one bright channel each, whose index is the label. */
export function brightChannels(count: number): { count: number; read(index: number): Promise<{ feeds: Tensors; label: number; value: null }> } {
  const pixels = SIDE * SIDE;
  return {
    count,
    read: (index) => {
      const label = index % CLASSES;
      const data = Float32Array.from({ length: CLASSES * pixels }, (_, at) => (Math.floor(at / pixels) === label ? 0.8 : 0.3) + 0.2 * Math.sin(at * 1.3 + index));
      return Promise.resolve({ feeds: { x: { elementType: "float32", shape: [1, CLASSES, SIDE, SIDE], data } }, label, value: null });
    },
  };
}
