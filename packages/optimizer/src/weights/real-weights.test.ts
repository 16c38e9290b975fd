import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Tensors } from "@flotilla/runtime";
import { openModel, syntheticFeeds } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { checkModel, cloneModel, GraphIndex, readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { fitFeeds } from "../evaluate/evaluate-variant.ts";
import { storeFloat16 } from "./float16-storage.ts";
import { widenFloat16 } from "./widen-float16.ts";

const PATH = join(import.meta.dirname, "../../../../../shared/models/squeezenet-fp16.onnx");
const isMissing = !existsSync(PATH);

async function outputsOf(model: OnnxModel, feeds?: Tensors): Promise<{ feeds: Tensors; scores: Float32Array | Uint16Array }> {
  const session = await openModel(writeOnnx(model));
  const made = feeds === undefined ? syntheticFeeds(session.inputs, 1) : fitFeeds(session.inputs, feeds);
  const [output] = Object.values(await session.run(made));
  await session.close();
  return { feeds: made, scores: (output?.data ?? []) as Float32Array | Uint16Array };
}

test.skipIf(isMissing)(`SqueezeNet in float16 widens, and its weights go back into half of the bytes without a loss${isMissing ? ` (skipped: ${PATH} is not here)` : ""}`, async () => {
  const half = readOnnx(readFileSync(PATH));
  const wide = cloneModel(half);
  await widenFloat16.run(wide, {});
  const names = new Set(wide.graph.initializers.map(({ name }) => name));
  // This file lists its weights as inputs; only constants are stored otherwise.
  expect(storeFloat16.appliesTo(wide, {})).not.toBeNull();
  wide.graph.inputs = wide.graph.inputs.filter(({ name }) => !names.has(name));
  wide.irVersion = 8;
  expect(checkModel(wide)).toEqual([]);
  const stored = cloneModel(wide);
  const changes = await storeFloat16.run(stored, {});
  expect(changes.every(({ what }) => what.includes("largest rounding 0.0e+0"))).toBe(true);
  expect(new GraphIndex(stored.graph).initializer([...names][0] ?? "")).toBeNull();
  expect(writeOnnx(stored).byteLength).toBeLessThan(0.51 * writeOnnx(wide).byteLength);
  const { feeds, scores } = await outputsOf(wide);
  expect([...(await outputsOf(stored, feeds)).scores]).toEqual([...scores]);
});
