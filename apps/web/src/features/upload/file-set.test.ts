import { expect, test } from "vitest";
import { modelNameFor, setProblem } from "./file-set.ts";

const files = (...names: string[]) => names.map((filename) => ({ filename }));

test("a set without exactly one model to open is refused before it is sent", () => {
  expect(setProblem(files("a.onnx"))).toBeNull();
  expect(setProblem(files("a.onnx", "a.onnx.data", "weights.bin"))).toBeNull();
  expect(setProblem(files("model"))).toBeNull();
  expect(setProblem(files("a.onnx", "b.ONNX"))).toContain("2 .onnx files");
  expect(setProblem(files("a.bin", "b.bin"))).toContain("not clear");
  expect(setProblem(files("a.onnx", "W.bin", "w.bin"))).toContain("w.bin");
});

test("the suggested name is that of the model, without what a browser or an exporter added", () => {
  expect(modelNameFor(files("weights.bin", "SqueezeNet-fp16 (2).onnx"))).toBe("squeezenet-fp16");
  expect(modelNameFor(files("…"))).toBe("");
  expect(modelNameFor([])).toBe("");
});
