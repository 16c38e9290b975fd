"use client";
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { SimulationFaults, SimulationView } from "@flotilla/fleet";
import { Button } from "../../components/ui/button.tsx";
import { Dialog } from "../../components/ui/dialog.tsx";
import { Checkbox, Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";

type Fields = { outage: boolean; lossPercent: string; slowFactor: string; crashEverySeconds: string; silentPercent: string; badClass: string };

/** What is injected into a running fleet, all of it at once: what the fields say replaces what was there. */
export function FaultsDialog({ simulation, classes, onClose }: { simulation: SimulationView; classes: readonly string[]; onClose: () => void }) {
  const client = useQueryClient();
  const [fields, setFields] = useState(fieldsOf(simulation.faults));
  const inject = useMutation({
    mutationFn: () => apiSend<SimulationView>("POST", `/simulations/${simulation.id}/faults`, { faults: faultsOf(fields) }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["simulation"] });
      onClose();
    },
  });
  const text = (name: Exclude<keyof Fields, "outage">) => ({ value: fields[name], onChange: (event: { target: { value: string } }) => setFields({ ...fields, [name]: event.target.value }) });
  return (
    <Dialog open onOpenChange={(open) => { if (!open) onClose(); }} title={`Faults of ${simulation.name}`} description="On top of what its scenario does by itself. The simulator hears of them within two seconds." width="sm">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          inject.mutate();
        }}
      >
        <Checkbox label="Outage" hint="No device has a network; they go on working and keep their telemetry." checked={fields.outage} onChange={(event) => setFields({ ...fields, outage: event.target.checked })} />
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Lost requests, %" hint="Half of them had arrived"><Input type="number" inputMode="decimal" min={0} max={100} step="any" placeholder="0" {...text("lossPercent")} /></Field>
          <Field label="Silent devices, %" hint="The same ones for a seed"><Input type="number" inputMode="decimal" min={0} max={100} step="any" placeholder="0" {...text("silentPercent")} /></Field>
          <Field label="Inferences so many times slower"><Input type="number" inputMode="decimal" min={0.01} max={1000} step="any" placeholder="1" {...text("slowFactor")} /></Field>
          <Field label="Power cut every so many seconds" hint="For each device, on average"><Input type="number" inputMode="numeric" min={5} max={86400} step={1} placeholder="never" {...text("crashEverySeconds")} /></Field>
        </div>
        <Field label="New builds crash on class">
          <Select {...text("badClass")}><option value="">none</option>{classes.map((name) => <option key={name}>{name}</option>)}</Select>
        </Field>
        {inject.isError && <ErrorNote>{messageOf(inject.error)}</ErrorNote>}
        <Button type="submit" kind="primary" busy={inject.isPending} className="w-full">Inject</Button>
      </form>
    </Dialog>
  );
}

function fieldsOf(faults: SimulationFaults): Fields {
  const of = (value: number | undefined): string => (value === undefined ? "" : String(value));
  return { outage: faults.outage === true, lossPercent: of(faults.lossPercent), slowFactor: of(faults.slowFactor), crashEverySeconds: of(faults.crashEverySeconds), silentPercent: of(faults.silentPercent), badClass: faults.badClass ?? "" };
}

function faultsOf(fields: Fields): SimulationFaults {
  const number = (text: string): number | undefined => (text.trim() === "" ? undefined : Number(text));
  const faults = {
    outage: fields.outage || undefined, lossPercent: number(fields.lossPercent), slowFactor: number(fields.slowFactor), crashEverySeconds: number(fields.crashEverySeconds),
    silentPercent: number(fields.silentPercent), badClass: fields.badClass || undefined,
  };
  return Object.fromEntries(Object.entries(faults).filter(([, value]) => value !== undefined));
}
