"use client";
import Link from "next/link";
import type { Route } from "next";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { SimulationView } from "@flotilla/fleet";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { formatCount } from "../../lib/format.ts";

/** Fleets that were stopped; each can be started again, with the same devices. */
export function PastSimulations({ simulations, titleOf, missing }: { simulations: readonly SimulationView[]; titleOf: (simulation: SimulationView) => string; missing: string | undefined }) {
  const client = useQueryClient();
  const start = useMutation({ mutationFn: (id: string) => apiSend("POST", `/simulations/${id}/start`, {}), onSuccess: () => client.invalidateQueries({ queryKey: ["simulation"] }) });
  return (
    <section className="grid gap-2">
      <h2 className="text-ui font-semibold">Stopped</h2>
      {start.isError && <ErrorNote>{messageOf(start.error)}</ErrorNote>}
      <Card flush>
        <Table caption="Stopped simulations">
          <thead><tr><Th>Simulation</Th><Th>Scenario</Th><Th numeric>Devices</Th><Th numeric>Syncs</Th><Th>Made</Th><Th><span className="sr-only">Actions</span></Th></tr></thead>
          <tbody>
            {simulations.map((simulation) => (
              <Tr key={simulation.id}>
                <Td className="max-w-60"><Link href={`/devices?query=${encodeURIComponent(simulation.query)}` as Route} className="block truncate font-medium hover:underline" title="Show its devices">{simulation.name}</Link></Td>
                <Td className="whitespace-nowrap">{titleOf(simulation)}</Td>
                <Td numeric>{formatCount(simulation.devices)}</Td>
                <Td numeric>{formatCount(simulation.numbers?.syncs ?? 0)}</Td>
                <Td className="whitespace-nowrap text-muted">{simulation.createdByName}, <TimeAgo at={simulation.createdAt} /></Td>
                <Td className="text-right whitespace-nowrap">
                  <Button size="sm" busy={start.isPending && start.variables === simulation.id} disabled={missing !== undefined} title={missing} aria-label={`Start again: ${simulation.name}`} onClick={() => start.mutate(simulation.id)}>Start again</Button>
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      </Card>
    </section>
  );
}
