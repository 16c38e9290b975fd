import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GraphSummary } from "@flotilla/fleet";
import { sandboxMain } from "@flotilla/runtime";
import { readOnnx } from "@flotilla/runtime/ir";
import { summarizeGraph } from "../graph/summarize-graph.ts";

export type DescribeGraphInput = { modelPath: string; externalFiles: string[] };

sandboxMain<DescribeGraphInput, GraphSummary>(async ({ modelPath, externalFiles }) => {
  const external = new Map<string, Uint8Array>();
  for (const name of externalFiles) external.set(name, await readFile(join(dirname(modelPath), name)));
  return summarizeGraph(readOnnx(await readFile(modelPath), external));
});
