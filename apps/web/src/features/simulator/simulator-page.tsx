"use client";
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import type { SimulationPage, SimulationScenario, SimulationView } from "@flotilla/fleet";
import { useMissingRole } from "../../components/shell/person.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { Page } from "../../components/ui/page.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { FaultsDialog } from "./faults-dialog.tsx";
import { PastSimulations } from "./past-simulations.tsx";
import { SimulationCard } from "./simulation-card.tsx";
import { isUnderWay } from "./simulation-words.ts";
import { simulationListQuery } from "./simulator-queries.ts";
import { StartDialog } from "./start-dialog.tsx";

/** Simulated fleets: what runs and how it goes; start, stop, faults. */
export function SimulatorPage({ scenarios }: { scenarios: readonly SimulationScenario[] }) {
  const query = useQuery(simulationListQuery());
  const missing = useMissingRole("operator");
  const [isStarting, setStarting] = useState(false);
  const [disturbing, setDisturbing] = useState<SimulationView | null>(null);
  useShortcuts("Simulator", missing === undefined ? [{ keys: "n", label: "Start simulation", run: () => setStarting(true) }] : []);
  const start = <Button kind="primary" disabled={missing !== undefined} title={missing} onClick={() => setStarting(true)}>Start simulation</Button>;
  return (
    <Page title="Simulator" subtitle="Fleets of simulated devices that speak the real protocol, and what goes wrong for them" actions={start}>
      <QueryView query={query} what="The simulations could not be loaded" loading={<Card flush><TableSkeleton rows={4} /></Card>}>
        {(page) => <Simulations page={page} scenarios={scenarios} missing={missing} onStart={() => setStarting(true)} onFaults={setDisturbing} />}
      </QueryView>
      {isStarting && <StartDialog scenarios={scenarios} onClose={() => setStarting(false)} />}
      {disturbing !== null && <FaultsDialog simulation={disturbing} classes={classesOf(disturbing, scenarios)} onClose={() => setDisturbing(null)} />}
    </Page>
  );
}

function classesOf(simulation: SimulationView, scenarios: readonly SimulationScenario[]): readonly string[] {
  return scenarios.find((scenario) => scenario.name === simulation.scenario)?.classes ?? [];
}

function Simulations({ page, scenarios, missing, onStart, onFaults }: {
  page: SimulationPage; scenarios: readonly SimulationScenario[]; missing: string | undefined; onStart: () => void; onFaults: (simulation: SimulationView) => void;
}) {
  const underWay = page.items.filter(isUnderWay);
  const past = page.items.filter((simulation) => !isUnderWay(simulation));
  const titleOf = (simulation: SimulationView): string => scenarios.find((scenario) => scenario.name === simulation.scenario)?.title ?? simulation.scenario;
  return (
    <div className="grid gap-6">
      {page.runners === 0 && <NoRunner />}
      {page.items.length === 0
        ? (
          <EmptyState icon={<FlaskConical size={18} />} title="No simulation yet" action={<Button kind="primary" disabled={missing !== undefined} title={missing} onClick={onStart}>Start simulation</Button>}>
            A simulated fleet enrols, syncs, installs builds and reports latencies like a real one, and is marked as simulated everywhere. Use it to try a rollout, or to see what an outage does.
          </EmptyState>
        )
        : underWay.length === 0 && <p className="text-muted">Nothing is simulated now.</p>}
      {underWay.map((simulation) => <SimulationCard key={simulation.id} simulation={simulation} scenarioTitle={titleOf(simulation)} missing={missing} onFaults={() => onFaults(simulation)} />)}
      {past.length > 0 && <PastSimulations simulations={past} titleOf={titleOf} missing={missing} />}
    </div>
  );
}

/** Without a process nothing of what is wanted can run. */
function NoRunner() {
  return (
    <Notice tone="warn" title="No simulator process is running">
      <code className="text-xs">npm start</code> brings one; on another machine run <code className="text-xs">npm run sim -- --serve --credentials FILE</code>. What is started here waits until then.
    </Notice>
  );
}
