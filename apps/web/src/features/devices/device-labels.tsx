"use client";
import { useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import type { DeviceView } from "@flotilla/fleet";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Input } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { ownLabels } from "./own-labels.ts";

type Row = { key: string; value: string };

/** The labels people give, to be edited; those the device states itself stand beside them and stay. */
export function DeviceLabels({ device, onSaved }: { device: DeviceView; onSaved: (fresh: DeviceView) => void }) {
  const { stated, given } = ownLabels(device.labels);
  const [rows, setRows] = useState<Row[]>(() => Object.entries(given).map(([key, value]) => ({ key, value })));
  const wanted = Object.fromEntries(rows.filter((row) => row.key !== "").map((row) => [row.key, row.value]));
  const dirty = JSON.stringify(wanted) !== JSON.stringify(given);
  const save = useMutation({ mutationFn: () => apiSend<DeviceView>("PATCH", `/devices/${device.id}`, { labels: wanted }), onSuccess: onSaved });
  const set = (at: number, change: Partial<Row>) => setRows(rows.map((row, i) => (i === at ? { ...row, ...change } : row)));
  return (
    <form className="grid gap-2" onSubmit={(event) => { event.preventDefault(); if (dirty) save.mutate(); }}>
      <ul className="flex flex-wrap gap-1.5">{Object.entries(stated).map(([key, value]) => <li key={key} title="Stated by the device" className="rounded bg-hover px-1.5 py-0.5 font-mono text-2xs text-muted">{key}={value}</li>)}</ul>
      {rows.map((row, i) => (
        // Rows have no identity but their place.
        <div key={i} className="grid grid-cols-[1fr_1fr_auto] items-center gap-2">
          <Input aria-label={`Key of label ${i + 1}`} value={row.key} placeholder="key" onChange={(event) => set(i, { key: event.target.value })} className="font-mono text-xs" spellCheck={false} />
          <Input aria-label={`Value of label ${i + 1}`} value={row.value} placeholder="value" onChange={(event) => set(i, { value: event.target.value })} className="font-mono text-xs" spellCheck={false} />
          <IconButton size="icon-sm" label={`Remove label ${row.key || i + 1}`} onClick={() => setRows(rows.filter((_, at) => at !== i))}><X size={14} aria-hidden /></IconButton>
        </div>
      ))}
      <div className="flex flex-wrap items-center gap-2">
        <Button size="sm" onClick={() => setRows([...rows, { key: "", value: "" }])}><Plus size={13} aria-hidden />Add label</Button>
        {dirty && <Button size="sm" kind="primary" type="submit" busy={save.isPending}>Save labels</Button>}
        {dirty && <Button size="sm" kind="quiet" onClick={() => setRows(Object.entries(given).map(([key, value]) => ({ key, value })))}>Undo</Button>}
      </div>
      {save.isError && <ErrorNote>{messageOf(save.error)}</ErrorNote>}
    </form>
  );
}
