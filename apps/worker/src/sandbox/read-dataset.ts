import { convertDataset, openDataset, previewGrid, summarizeDataset, type Dataset, type DatasetHeader, type DatasetSource } from "@flotilla/datasets";
import type { DatasetPreview } from "@flotilla/fleet";
import { sandboxMain } from "@flotilla/runtime";

export type ReadDatasetInput = { source: DatasetSource; outPath: string };
export type ReadDatasetStep = { examples: number } | { step: "preview" };
export type ReadDatasetOutput = { header: DatasetHeader; preview: DatasetPreview };

/** Splits of which a page shows examples; the others are drawn from the same. */
const SHOWN = ["train", "test"] as const;
const ROWS_MAX = 20;

sandboxMain<ReadDatasetInput, ReadDatasetOutput>(async ({ source, outPath }, { progress }) => {
  const header = await convertDataset(source, outPath, { onProgress: ({ examples }) => progress({ examples } satisfies ReadDatasetStep) });
  progress({ step: "preview" } satisfies ReadDatasetStep);
  const dataset = await openDataset(outPath);
  const preview = await previewOf(dataset);
  await dataset.close();
  return { header, preview };
});

async function previewOf(dataset: Dataset): Promise<DatasetPreview> {
  const sheets: DatasetPreview["sheets"] = [];
  for (const split of SHOWN) {
    if (dataset.count(split) === 0) continue;
    const { bytes, mediaType, width, height, cellSide, gap, rows } = await previewGrid(dataset, { split, mostRows: ROWS_MAX });
    const image = `data:${mediaType};base64,${Buffer.from(bytes).toString("base64")}`;
    sheets.push({ split, image, width, height, cellSide, gap, rows: rows.map(({ className, cells }) => ({ className, cells: [...cells] })) });
  }
  const { values } = await summarizeDataset(dataset);
  return { sheets, values: values.map(({ histogram, ...rest }) => ({ ...rest, histogram: [...histogram] })) };
}
