"use client";
import { useEffect, useState } from "react";
import { ClipboardCopy, Columns3 } from "lucide-react";
import { Popover } from "@base-ui/react/popover";
import { deviceColumnList } from "./device-column-list.ts";
import type { DeviceParams, SetDeviceParams } from "./device-params.ts";

const INPUT = "h-8 min-w-0 rounded-md border border-line-strong bg-transparent px-2.5 text-ui placeholder:text-muted max-sm:h-11";
const BUTTON = "inline-flex h-8 items-center gap-1.5 rounded-md border border-line-strong px-2.5 text-ui hover:bg-hover max-sm:h-11";

/** Search by name, label query, columns, copy. What is typed is sent after a short rest. */
export function DeviceToolbar({ params, setParams, onCopy, rows }: { params: DeviceParams; setParams: SetDeviceParams; onCopy: () => void; rows: number }) {
  return (
    <div className="flex flex-wrap items-center gap-2">
      <DebouncedInput label="Search devices by name or id" placeholder="Search name or id" value={params.q} onValue={(q) => setParams({ q: q || null })} className={`${INPUT} w-48 max-sm:w-full`} name="search" />
      <DebouncedInput label="Label query" placeholder="Label query, e.g. site=lab, tier in (edge, gw)" value={params.query} onValue={(query) => setParams({ query: query || null })} className={`${INPUT} flex-1 basis-64 font-mono text-xs`} name="query" />
      <Popover.Root>
        <Popover.Trigger className={BUTTON}><Columns3 size={14} aria-hidden />Columns</Popover.Trigger>
        <Popover.Portal>
          <Popover.Positioner sideOffset={6} align="end" className="z-30">
            <Popover.Popup className="grid gap-1 rounded-lg border border-line-strong bg-surface p-3 text-ui text-ink shadow-lg">
              <Popover.Title className="text-xs text-muted">Columns shown</Popover.Title>
              {deviceColumnList.map(({ id, label }) => (
                <label key={id} className="flex items-center gap-2 py-0.5">
                  <input type="checkbox" className="accent-accent" disabled={id === "name"} checked={params.cols.includes(id)} onChange={(event) => setParams({ cols: deviceColumnList.map((column) => column.id).filter((other) => (other === id ? event.target.checked : params.cols.includes(other))) })} />
                  {label}
                </label>
              ))}
            </Popover.Popup>
          </Popover.Positioner>
        </Popover.Portal>
      </Popover.Root>
      <button type="button" onClick={onCopy} disabled={rows === 0} className={`${BUTTON} disabled:opacity-50`}><ClipboardCopy size={14} aria-hidden />Copy as CSV</button>
    </div>
  );
}

const REST_MS = 250;

function DebouncedInput({ label, placeholder, value, onValue, className, name }: { label: string; placeholder: string; value: string; onValue: (value: string) => void; className: string; name: string }) {
  const [draft, setDraft] = useState({ text: value, from: value });
  // A filter that was removed elsewhere (a chip, the back button) wins over what is typed here.
  if (draft.from !== value) setDraft({ text: value, from: value });
  useEffect(() => {
    if (draft.text === value) return;
    const timer = setTimeout(() => onValue(draft.text), REST_MS);
    return () => clearTimeout(timer);
  }, [draft.text, value, onValue]);
  return <input type="search" name={name} aria-label={label} placeholder={placeholder} value={draft.text} onChange={(event) => setDraft({ text: event.target.value, from: value })} className={className} spellCheck={false} autoComplete="off" />;
}
