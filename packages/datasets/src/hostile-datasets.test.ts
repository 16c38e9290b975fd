import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convertDataset } from "./convert-dataset.ts";
import { DatasetRefusal } from "./dataset-refusal.ts";
import { hostileDatasets } from "./testing/hostile-datasets.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-hostile-data-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("hostile uploads are refused by name, with a sentence, and leave nothing behind", () => {
  test.each(hostileDatasets())("$name → $refusal", async ({ name, fileName, bytes, companions = [], options, limits, refusal, says }) => {
    const folder = mkdtempSync(join(directory, "case-"));
    const place = (own: string, content: Uint8Array): { path: string; name: string } => {
      const path = join(folder, `upload-${own}`);
      writeFileSync(path, content);
      return { path, name: own };
    };
    const source = { ...place(fileName, bytes), companions: companions.map((one) => place(one.fileName, one.bytes)), ...(options ? { options } : {}) };
    const failure: unknown = await convertDataset(source, join(folder, "out.dataset"), limits ? { limits } : {}).then(
      () => "accepted",
      (error: unknown) => error,
    );
    expect(failure, `${name}: ${String(failure)}`).toBeInstanceOf(DatasetRefusal);
    const { code, reason } = failure as DatasetRefusal;
    expect(`${code}: ${reason}`).toMatch(says);
    expect(code, reason).toBe(refusal);
    expect(reason).not.toContain(folder);
    expect(readdirSync(folder).filter((file) => !file.startsWith("upload-"))).toEqual([]);
  });
});
