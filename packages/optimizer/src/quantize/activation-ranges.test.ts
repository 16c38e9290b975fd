import { buildModel, floatTensor, seededRandom, syntheticFeeds } from "@flotilla/runtime";
import { readOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { quantizeStatic } from "./quantize-static.ts";

const INPUT = { name: "x", elementType: "float32" as const, shape: [1, 4, 12, 12] };

test("what only a Concat reads gets the scale of its output at any ratio of ranges, what others read as well keeps its own", async () => {
  const conv = (name: string, input: string, scale: number) => {
    const next = seededRandom(name.length);
    return { weights: floatTensor(`${name}_w`, [16, 4, 1, 1], Array.from({ length: 64 }, () => (next() - 0.5) * scale)), node: { opType: "Conv", name, inputs: [input, `${name}_w`], outputs: [name] } };
  };
  const [narrow, wide, shared] = [conv("narrow", "x", 1), conv("wide", "x", 20), conv("shared", "x", 2)];
  const out = floatTensor("out_w", [1, 48 * 144], Array.from({ length: 48 * 144 }, (_, at) => (at % 7) - 3));
  const tail = floatTensor("tail_w", [1, 16, 1, 1], new Array<number>(16).fill(0.1));
  const model = readOnnx(buildModel({
    graph: {
      inputs: [INPUT],
      outputs: [{ name: "y", elementType: "float32", shape: [1, 1] }],
      initializers: [narrow.weights, wide.weights, shared.weights, out, tail],
      nodes: [narrow.node, wide.node, shared.node, { opType: "Concat", name: "joined", inputs: ["narrow", "wide", "shared"], outputs: ["j"], attributes: { axis: { int: 1 } } },
        { opType: "Flatten", name: "flat", inputs: ["j"], outputs: ["f"] }, { opType: "Gemm", name: "head", inputs: ["f", "out_w"], outputs: ["h"], attributes: { transB: { int: 1 } } },
        { opType: "Conv", name: "last", inputs: ["shared", "tail_w"], outputs: ["last"] }, { opType: "GlobalAveragePool", name: "pool", inputs: ["last"], outputs: ["g"] }, { opType: "Flatten", name: "flat2", inputs: ["g"], outputs: ["g2"] },
        { opType: "Add", name: "sum", inputs: ["h", "g2"], outputs: ["y"] }],
    },
  }));
  const { report } = await quantizeStatic(model, { count: 4, read: (index) => Promise.resolve({ feeds: syntheticFeeds([INPUT], index + 1), label: null }) }, { smallestMacs: 0, calibration: { kind: "min-max" } });
  const scaleOf = (tensor: string) => report.tensors.find((entry) => entry.tensor === tensor)?.scale ?? Number.NaN;
  expect(scaleOf("narrow")).toBe(scaleOf("j"));
  expect(scaleOf("wide")).toBe(scaleOf("j"));
  expect(scaleOf("shared")).toBeLessThan(scaleOf("j") / 2);
});
