"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { HeartPulse } from "lucide-react";
import type { Route } from "next";
import { LinkButton } from "../../components/ui/button.tsx";
import { optimizationQuery } from "../optimizing/optimizing-queries.ts";
import { recoveryOf } from "./recovery-of.ts";

/** From a variant that lost accuracy to the form that wins it back, with parent, teacher, rounding and the examples it was judged on chosen already. */
export function RecoverButton({ version }: { version: VersionView }) {
  const recovery = recoveryOf(version);
  const optimization = useQuery({ ...optimizationQuery(version.optimizationId ?? ""), enabled: recovery !== null && version.optimizationId !== null });
  if (recovery === null) return null;
  const dataset = optimization.data?.datasetVersionId ?? null;
  const query = new URLSearchParams({ ...recovery, ...(dataset !== null && { dataset }) });
  return <LinkButton href={`/trainings/new?${query}` as Route} title={recovery.rounding === undefined ? "Train it further, with its parent as teacher" : "Train its parent with rounding, with itself as teacher"}><HeartPulse size={14} aria-hidden />Recover accuracy…</LinkButton>;
}
