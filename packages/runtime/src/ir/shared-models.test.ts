import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { openModel } from "../backend.ts";
import { syntheticFeeds } from "../feeds.ts";
import { sharedModel } from "../testing/shared-models.ts";
import { checkModel } from "./check/check-model.ts";
import { readOnnx } from "./read-onnx.ts";
import { writeOnnx } from "./write-onnx.ts";

const folder = dirname(sharedModel("any").path);
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".onnx")) : [];

async function outputs(model: Uint8Array | string) {
  const session = await openModel(model, { graphOptimization: "extended", intraOpThreads: 2 });
  const results = await session.run(syntheticFeeds(session.inputs, 1));
  await session.close();
  return results;
}

test(`models of other people's tools survive the round trip byte for byte and number for number${files.length === 0 ? ` (skipped: ${folder} is not here)` : ""}`, { skip: files.length === 0 }, async () => {
  for (const file of files) {
    const original = readFileSync(join(folder, file));
    const model = readOnnx(original);
    const written = writeOnnx(model);
    expect({ file, same: Buffer.compare(writeOnnx(readOnnx(written)), written) }).toEqual({ file, same: 0 });
    expect({ file, problems: checkModel(model) }).toEqual({ file, problems: [] });
    // A run of this one takes ten seconds; its nodes and weights are the same as those of the others.
    if (file !== "style-candy.onnx") expect(await outputs(written)).toEqual(await outputs(join(folder, file)));
  }
});
