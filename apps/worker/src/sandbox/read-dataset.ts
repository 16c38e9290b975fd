import { convertDataset, type DatasetHeader } from "@flotilla/datasets";
import { sandboxMain } from "@flotilla/runtime";

export type ReadDatasetInput = { source: Parameters<typeof convertDataset>[0]; outPath: string };
export type ReadDatasetStep = { examples: number } | { step: "preview" };
export type ReadDatasetOutput = { header: DatasetHeader; preview: { items: unknown[] } };

sandboxMain<ReadDatasetInput, ReadDatasetOutput>(async ({ source, outPath }, { progress }) => {
  const header = await convertDataset(source, outPath, { onProgress: ({ examples }) => progress({ examples } satisfies ReadDatasetStep) });
  progress({ step: "preview" } satisfies ReadDatasetStep);
  return { header, preview: { items: [] } };
});
