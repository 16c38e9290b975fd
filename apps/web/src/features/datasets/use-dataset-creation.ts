"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { DatasetVersionView, DatasetView, Page } from "@flotilla/fleet";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { apiGet, apiSend, messageOf } from "../../lib/api-client.ts";
import { uploads } from "../upload/browser-uploads.ts";
import type { UploadItem } from "../upload/upload-item.ts";
import { optionsOf, type OptionsDraft } from "./dataset-options.ts";

export const NEW_DATASET = "";

/** Where the files are to go. `name` null: nobody has typed one, so it is that of the file. */
export type DatasetTarget = { datasetId: string; name: string | null; options: OptionsDraft };

type DatasetCreation = { wanted: boolean; busy: boolean; error: string | null; want: (target: DatasetTarget) => void };

/** Makes the version once: when it is wanted and every file has arrived. */
export function useDatasetCreation(items: readonly UploadItem[]): DatasetCreation {
  const router = useRouter();
  const client = useQueryClient();
  const [wanted, setWanted] = useState<DatasetTarget | null>(null);
  const mutation = useMutation({
    mutationFn: async (to: DatasetTarget) => {
      const id = to.datasetId === NEW_DATASET ? (await datasetNamed((to.name ?? "").trim())).id : to.datasetId;
      const version = await apiSend<DatasetVersionView>("POST", `/datasets/${id}/versions`, { uploadIds: items.flatMap((item) => item.uploadId ?? []), options: optionsOf(to.options) });
      for (const item of items) uploads("dataset").remove(item.key);
      return version;
    },
    onSuccess: (version) => {
      void client.invalidateQueries({ queryKey: ["dataset"] });
      router.push(`/datasets/${version.datasetId}?v=${version.number}` as Route);
    },
    onError: () => setWanted(null),
  });
  const { mutate, isPending, isSuccess } = mutation;
  const allHere = items.length > 0 && items.every((item) => item.phase === "done");
  useEffect(() => {
    if (wanted === null || !allHere || isPending || isSuccess) return;
    mutate(wanted);
  }, [wanted, allHere, isPending, isSuccess, mutate]);
  const failed = items.some((item) => item.phase === "failed");
  return {
    wanted: wanted !== null && !allHere && !failed,
    busy: isPending || isSuccess,
    error: mutation.error === null ? null : messageOf(mutation.error),
    want: (target) => {
      mutation.reset();
      setWanted(target);
    },
  };
}

/** A try that failed after the dataset was made must not fail for ever because its name is taken. */
async function datasetNamed(name: string): Promise<{ id: string }> {
  const page = await apiGet<Page<DatasetView>>(`/datasets?limit=200&search=${encodeURIComponent(name)}`);
  const empty = page.items.find((dataset) => dataset.name === name && dataset.versionCount === 0);
  return empty ?? apiSend<DatasetView>("POST", "/datasets", { name });
}
