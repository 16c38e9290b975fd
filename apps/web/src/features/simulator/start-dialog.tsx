"use client";
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { SimulationScenario, SimulationView } from "@flotilla/fleet";
import { Button } from "../../components/ui/button.tsx";
import { Dialog } from "../../components/ui/dialog.tsx";
import { Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";

/** packages/fleet has the limit; it is told here so that the field can say it. */
const MOST_DEVICES = 10_000;

/** Starts a simulated fleet: scenario, how many, seed. */
export function StartDialog({ scenarios, onClose }: { scenarios: readonly SimulationScenario[]; onClose: () => void }) {
  const client = useQueryClient();
  const [first] = scenarios;
  const [fields, setFields] = useState({ scenario: first?.name ?? "", devices: String(first?.devices ?? 20), seed: "1", name: "" });
  const chosen = scenarios.find((scenario) => scenario.name === fields.scenario);
  const start = useMutation({
    mutationFn: () => apiSend<SimulationView>("POST", "/simulations", {
      scenario: fields.scenario, devices: Number(fields.devices), seed: Number(fields.seed), ...(fields.name.trim() === "" ? {} : { name: fields.name.trim() }),
    }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["simulation"] });
      onClose();
    },
  });
  return (
    <Dialog open onOpenChange={(open) => { if (!open) onClose(); }} title="Start simulation" width="sm">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate();
        }}
      >
        <Field label="Scenario" hint={chosen?.text}>
          <Select value={fields.scenario} onChange={(event) => setFields({ ...fields, scenario: event.target.value, devices: String(scenarios.find((one) => one.name === event.target.value)?.devices ?? fields.devices) })}>
            {scenarios.map((scenario) => <option key={scenario.name} value={scenario.name}>{scenario.title}</option>)}
          </Select>
        </Field>
        <div className="grid grid-cols-2 gap-3">
          <Field label="Devices" hint="Up to 10,000; more by npm run sim"><Input type="number" inputMode="numeric" min={1} max={MOST_DEVICES} step={1} required value={fields.devices} onChange={(event) => setFields({ ...fields, devices: event.target.value })} /></Field>
          <Field label="Seed" hint="Same seed, same fleet and same luck"><Input type="number" inputMode="numeric" step={1} required value={fields.seed} onChange={(event) => setFields({ ...fields, seed: event.target.value })} /></Field>
        </div>
        <Field label="Name" optional><Input value={fields.name} maxLength={64} onChange={(event) => setFields({ ...fields, name: event.target.value })} /></Field>
        {start.isError && <ErrorNote>{messageOf(start.error)}</ErrorNote>}
        <Button type="submit" kind="primary" busy={start.isPending} className="w-full">Start</Button>
      </form>
    </Dialog>
  );
}
