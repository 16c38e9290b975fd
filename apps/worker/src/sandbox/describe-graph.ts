import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GraphSummary } from "@flotilla/fleet";
import { sandboxMain } from "@flotilla/runtime";
import { inferShapes, readOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { summarizeGraph } from "../graph/summarize-graph.ts";

export type DescribeGraphInput = { modelPath: string; externalFiles: string[] };

sandboxMain<DescribeGraphInput, GraphSummary>(async ({ modelPath, externalFiles }) => {
  const external = new Map<string, Uint8Array>();
  for (const name of externalFiles) external.set(name, await readFile(join(dirname(modelPath), name)));
  const model = readOnnx(await readFile(modelPath), external);
  const shapes = shapesOf(model);
  return summarizeGraph(model, (value) => shapes.get(value)?.shape?.slice() ?? null);
});

/** Shapes are a help, and a graph without them is one all the same. */
function shapesOf(model: OnnxModel): ReturnType<typeof inferShapes> {
  try {
    return inferShapes(model);
  } catch {
    return new Map();
  }
}
