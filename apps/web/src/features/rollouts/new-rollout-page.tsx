"use client";
import { useEffect, useState, type ReactNode } from "react";
import Link from "next/link";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { parseAsString, useQueryStates } from "nuqs";
import type { BuildView, FleetView, Page, RolloutPreview, RolloutView } from "@flotilla/fleet";
import { Button } from "../../components/ui/button.tsx";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { Select } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend, messageOf, newIdempotencyKey } from "../../lib/api-client.ts";
import { formatNoun } from "../../lib/format.ts";
import { buildChoicesQuery } from "../builds/build-queries.ts";
import { fleetChoicesQuery } from "../fleets/fleet-queries.ts";
import { LimitsFields } from "./limits-fields.tsx";
import { PreviewPanel } from "./preview-panel.tsx";
import { areValid, noLimits, policyOf, type PlannedLimits } from "./rollout-limits.ts";
import { rolloutPreviewQuery } from "./rollout-queries.ts";
import { wavePresets, waveProblems, type PlannedWave } from "./wave-plan.ts";
import { WaveTable } from "./wave-table.tsx";

/** Plan with foresight on one page: build, fleet with exact counts, waves, and what will happen as one sentence before the button. */
export function NewRolloutPage() {
  const [choice, setChoice] = useQueryStates({ build: parseAsString, fleet: parseAsString });
  const [waves, setWaves] = useState<PlannedWave[]>([...wavePresets.standard.waves]);
  const [limits, setLimits] = useState<PlannedLimits>(noLimits);
  const builds = useQuery(buildChoicesQuery());
  const fleets = useQuery(fleetChoicesQuery());
  const ready = builds.data?.items.filter((build) => build.state === "ready") ?? [];
  const build = ready.find((candidate) => candidate.id === choice.build) ?? null;
  const fleet = fleets.data?.items.find((candidate) => candidate.id === choice.fleet) ?? null;
  const valid = waveProblems(waves).length === 0;
  const plan = { buildId: build?.id ?? "", fleetId: fleet?.id ?? "", waves };
  const preview = useQuery({ ...rolloutPreviewQuery(plan, build !== null && fleet !== null && valid), refetchInterval: 15_000 });
  const fresh = preview.data !== undefined && build !== null && fleet !== null ? preview.data : null;
  return (
    <div className="grid max-w-4xl gap-8">
      <Step number={1} title="Build">
        {builds.data !== undefined && ready.length === 0 && <p className="text-ui">No build is ready. <Link className="underline" href={"/builds/new" as Route}>Make one</Link> from a model version first.</p>}
        <BuildPicker builds={ready} all={builds.data} value={choice.build} onValue={(id) => void setChoice({ build: id })} />
      </Step>
      <Step number={2} title="Fleet">
        {fleets.data?.items.length === 0 && <p className="text-ui">There is no fleet. <Link className="underline" href={"/fleets" as Route}>Name one</Link>: a label query over your devices.</p>}
        <FleetPicker fleets={fleets.data} value={choice.fleet} onValue={(id) => void setChoice({ fleet: id })} />
        {fresh !== null && <PreviewPanel preview={fresh} />}
        {preview.isError && <ErrorNote>{messageOf(preview.error)}</ErrorNote>}
      </Step>
      <Step number={3} title="Waves">
        <WaveTable waves={waves} onChange={setWaves} preview={fresh} />
        <LimitsFields limits={limits} onChange={setLimits} />
      </Step>
      <Step number={4} title="Review"><Review build={build} fleet={fleet} waves={waves} limits={limits} valid={valid} preview={fresh} /></Step>
    </div>
  );
}

function Step({ number, title, children }: { number: number; title: string; children: ReactNode }) {
  return (
    <section className="grid gap-3 sm:grid-cols-[9rem_minmax(0,1fr)]">
      <h2 className="flex items-baseline gap-2 text-ui font-semibold"><span className="grid size-5 place-items-center self-start rounded-full border border-line-strong text-[11px] tabular-nums">{number}</span>{title}</h2>
      <div className="grid min-w-0 grid-cols-[minmax(0,1fr)] content-start gap-3">{children}</div>
    </section>
  );
}

function BuildPicker({ builds, all, value, onValue }: { builds: readonly BuildView[]; all: Page<BuildView> | undefined; value: string | null; onValue: (id: string | null) => void }) {
  return (
    <Select aria-label="Build" className="max-w-lg" value={value ?? ""} onChange={(event) => onValue(event.target.value || null)}>
      <option value="">Choose a build…</option>
      {builds.map((build) => <option key={build.id} value={build.id}>{build.name} ({build.variants.map((variant) => `${variant.modelName} v${variant.number}`).join(", ")})</option>)}
      <CutOption of={all} />
    </Select>
  );
}

function FleetPicker({ fleets, value, onValue }: { fleets: Page<FleetView> | undefined; value: string | null; onValue: (id: string | null) => void }) {
  return (
    <Select aria-label="Fleet" className="max-w-lg" value={value ?? ""} onChange={(event) => onValue(event.target.value || null)}>
      <option value="">Choose a fleet…</option>
      {fleets?.items.map((fleet) => <option key={fleet.id} value={fleet.id}>{fleet.name}: {formatNoun(fleet.devices, "device")} ({fleet.query === "" ? "every device" : fleet.query})</option>)}
      <CutOption of={fleets} />
    </Select>
  );
}

function Review({ build, fleet, waves, limits, valid, preview }: { build: BuildView | null; fleet: FleetView | null; waves: PlannedWave[]; limits: PlannedLimits; valid: boolean; preview: RolloutPreview | null }) {
  const router = useRouter();
  const client = useQueryClient();
  const [key] = useState(newIdempotencyKey);
  const create = useMutation({
    mutationFn: async (start: boolean) => {
      if (build === null || fleet === null) throw new Error("Choose a build and a fleet first.");
      const rollout = await apiSend<RolloutView>("POST", "/rollouts", { buildId: build.id, fleetId: fleet.id, waves, policy: policyOf(limits) }, { idempotencyKey: `${key}-create` });
      return start ? apiSend<RolloutView>("POST", `/rollouts/${rollout.id}/start`, {}, { idempotencyKey: `${key}-start` }) : rollout;
    },
    onSuccess: (rollout) => {
      void client.invalidateQueries({ queryKey: ["rollout"] });
      router.push(`/rollouts/${rollout.id}` as Route);
    },
  });
  const missing = build === null ? "Choose a build." : fleet === null ? "Choose a fleet." : !valid ? "Correct the waves." : !areValid(limits) ? "Correct the limits under Advanced." : preview === null ? "Counting devices…" : preview.eligible === 0 ? "No device of this fleet can take this build." : null;
  const first = preview?.waves[0]?.devices ?? 0;
  const startable = missing === null && !create.isPending && !create.isSuccess;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && startable) create.mutate(true);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [startable, create]);
  return (
    <div className="grid gap-3">
      <p aria-live="polite" className="rounded-lg bg-sunken px-4 py-3 text-[15px] leading-snug text-pretty">{missing === null ? preview?.sentence : missing}</p>
      <div className="flex flex-wrap items-center gap-2 max-sm:grid">
        <Button kind="primary" size="lg" busy={create.isPending} disabled={!startable} onClick={() => create.mutate(true)}>{missing === null ? `Start with ${formatNoun(first, "device")}` : "Start"}</Button>
        <Button size="lg" disabled={!startable} onClick={() => create.mutate(false)}>Save as a draft</Button>
        <span className="text-xs text-muted max-sm:hidden">Ctrl-Enter starts</span>
      </div>
      {create.isError && <ErrorNote>{messageOf(create.error)}</ErrorNote>}
    </div>
  );
}
