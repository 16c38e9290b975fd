"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { CompareView, Split } from "@flotilla/fleet";
import { Scale } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useQueryStates } from "nuqs";
import { useDeferredValue } from "react";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { Field, Input, Select } from "../../components/ui/field.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { splitNames } from "../datasets/dataset-words.tsx";
import { machineWords, methodBesideMode, modeWords } from "../optimizing/number-words.tsx";
import { compareQuery } from "../optimizing/optimizing-queries.ts";
import { accuracyFloor, type Budget } from "./budget.ts";
import { ClassDeltas } from "./class-deltas.tsx";
import { compareParams } from "./compare-params.ts";
import { DeltaTable } from "./delta-table.tsx";
import { GraphComparison } from "./graph-comparison.tsx";
import { LayerComparison } from "./layer-comparison.tsx";
import { ParetoScatter } from "./pareto-scatter.tsx";
import { VersionPicker } from "./version-picker.tsx";

/** Versions side by side; what is compared, to what and within which limits stands in the address. */
export function ComparePage() {
  const [params, setParams] = useQueryStates(compareParams);
  const { versions, baseline, dataset, split } = params;
  const query = useQuery({ ...compareQuery({ versions: useDeferredValue(versions), baseline, dataset, split }), placeholderData: keepPreviousData });
  // A baseline that is left out is none any more.
  const setVersions = (chosen: string[]): void => void setParams({ versions: chosen, ...(baseline !== null && !chosen.includes(baseline) && { baseline: null }) });
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <VersionPicker versions={versions} onChange={setVersions} />
      {versions.length === 0 ? <Card><EmptyState icon={<Scale size={18} />} title="Nothing to compare yet">Choose a model above and tick versions of it, or tick them under Variants on the page of a version.</EmptyState></Card> : (
        <QueryView query={query} what="The versions could not be compared" loading={<Skeleton className="h-96 w-full" />}>
          {(view) => <Compared view={view} split={split} budget={params} onChange={(part) => void setParams(part)} />}
        </QueryView>
      )}
    </div>
  );
}

type Change = Partial<Budget> & { baseline?: string; split?: Split | null };

function Compared({ view, split, budget, onChange }: { view: CompareView; split: Split | null; budget: Budget; onChange: (part: Change) => void }) {
  const number = (key: keyof Budget) => ({ type: "number", step: "any", min: 0, value: budget[key] ?? "", placeholder: "no limit", onChange: (event: React.ChangeEvent<HTMLInputElement>) => onChange({ [key]: event.target.value === "" ? null : Number(event.target.value) }) });
  const floor = accuracyFloor(budget, view.versions.find(({ id }) => id === view.baselineId)?.accuracy?.value ?? null);
  return (
    <>
      {view.latencyWhyNot !== null && <Notice tone="warn" title="Times do not compare">{view.latencyWhyNot}</Notice>}
      <Card>
        <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-6">
          <Field label="Baseline"><Select value={view.baselineId} onChange={(event) => onChange({ baseline: event.target.value })}>{view.versions.map((version) => <option key={version.id} value={version.id}>{version.modelName} v{version.number}{version.label === null ? "" : `, ${version.label}`}</option>)}</Select></Field>
          <Field label="Split"><Select value={split ?? "test"} onChange={(event) => onChange({ split: splitNames.find((name) => name === event.target.value) ?? null })}>{splitNames.map((name) => <option key={name}>{name}</option>)}</Select></Field>
          <Field label="p50 at most, ms"><Input {...number("maxMs")} /></Field>
          <Field label="Accuracy at least, %"><Input {...number("minAccuracy")} /></Field>
          <Field label="Points lost at most"><Input {...number("maxDrop")} /></Field>
          <Field label="Size at most, MiB"><Input {...number("maxMiB")} /></Field>
        </div>
        <MeasuredOn view={view} />
      </Card>
      <Card><ParetoScatter view={view} budget={budget} floor={floor} /></Card>
      <DeltaTable view={view} budget={budget} onBaseline={(baseline) => onChange({ baseline })} />
      {view.classes.length > 0 && <ClassDeltas view={view} />}
      <LayerComparison view={view} />
      <GraphComparison view={view} />
    </>
  );
}

/** On what the two columns rest, or why one is empty. */
function MeasuredOn({ view: { accuracyOn, latencyOn, latencyWhyNot } }: { view: CompareView }) {
  return (
    <dl className="mt-4 grid gap-x-6 gap-y-1 text-xs text-pretty text-muted sm:grid-cols-[auto_minmax(0,1fr)]">
      <dt className="font-medium text-ink">Accuracy</dt>
      <dd>{accuracyOn === null ? "No split of a dataset was evaluated on all of them." : <>on <Link className="text-ink underline underline-offset-2" href={`/datasets/${accuracyOn.datasetId}?v=${accuracyOn.datasetNumber}` as Route}>{accuracyOn.datasetName} v{accuracyOn.datasetNumber}</Link>, {accuracyOn.split} split; differences are paired, on the same examples, with 95 % intervals</>}</dd>
      <dt className="font-medium text-ink">Time</dt>
      <dd>{latencyOn === null ? (latencyWhyNot ?? "No machine measured all of them alike.") : `${modeWords[latencyOn.mode]}, ${methodBesideMode(latencyOn.mode, latencyOn.method)}, on ${machineWords(latencyOn.machine)}`}</dd>
    </dl>
  );
}
