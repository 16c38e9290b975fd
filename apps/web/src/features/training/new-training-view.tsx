"use client";
import { useQuery } from "@tanstack/react-query";
import { useQueryStates } from "nuqs";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { versionQuery } from "../models/model-queries.ts";
import { newTrainingParams } from "./new-training-params.ts";
import { TrainingForm } from "./training-form.tsx";
import { datasetVersionByIdQuery } from "./training-queries.ts";

/** The form, with the examples and the versions that the address names chosen already. */
export function NewTrainingView() {
  const [params] = useQueryStates(newTrainingParams);
  const dataset = useQuery(datasetVersionByIdQuery(params.dataset));
  const version = useQuery({ ...versionQuery(params.version ?? ""), enabled: params.version !== null });
  const teacher = useQuery({ ...versionQuery(params.teacher ?? ""), enabled: params.teacher !== null });
  const failed = [dataset, version, teacher].find((query) => query.isLoadingError);
  if (failed !== undefined) return <ErrorState error={failed.error} what="What the address names could not be loaded" onRetry={() => void failed.refetch()} />;
  if ((params.dataset !== null && dataset.isPending) || (params.version !== null && version.isPending) || (params.teacher !== null && teacher.isPending)) return <Skeleton className="h-96 w-full max-w-4xl" />;
  return <TrainingForm firstDataset={dataset.data ?? null} firstVersion={version.data ?? null} firstTeacher={teacher.data ?? null} firstRounding={params.rounding ?? "off"} />;
}
