"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ApiKeyView, Area } from "@flotilla/fleet";
import { useState } from "react";
import { Button } from "../../components/ui/button.tsx";
import { Dialog, DialogClose } from "../../components/ui/dialog.tsx";
import { Checkbox, Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { SecretBox } from "./secret-box.tsx";

// The type keeps the list complete: packages/fleet itself must not come into the browser.
const AREAS: Record<Area, true> = { models: true, jobs: true, builds: true, devices: true, fleets: true, rollouts: true, latency: true, access: true, audit: true, runner: true };
const DAY_MS = 86_400_000;
type Fields = { name: string; role: string; scopes: readonly string[]; days: string };
const EMPTY: Fields = { name: "", role: "operator", scopes: [], days: "90" };

/** Makes a key and shows it once. */
export function NewApiKeyDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const client = useQueryClient();
  const [fields, setFields] = useState(EMPTY);
  const make = useMutation({
    mutationFn: () => {
      const expiresAt = fields.days === "" ? null : new Date(Date.now() + Number(fields.days) * DAY_MS).toISOString();
      return apiSend<{ apiKey: ApiKeyView; secret: string | null }>("POST", "/api-keys", { name: fields.name, role: fields.role, scopes: fields.scopes, expiresAt });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["settings"] }),
  });
  const close = (next: boolean): void => {
    onOpenChange(next);
    if (next) return;
    make.reset();
    setFields(EMPTY);
  };
  if (make.data !== undefined) {
    return (
      <Dialog open={open} onOpenChange={close} title={`Key “${make.data.apiKey.name}” is made`} footer={<DialogClose kind="primary">Done</DialogClose>}>
        {make.data.secret !== null && <SecretBox label="API key" text={make.data.secret} warning="Copy it now: it is stored as a hash and never shown again." />}
      </Dialog>
    );
  }
  const toggle = (area: string, on: boolean): void => setFields({ ...fields, scopes: on ? [...fields.scopes, area] : fields.scopes.filter((scope) => scope !== area) });
  return (
    <Dialog open={open} onOpenChange={close} title="New API key" width="sm">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <Field label="Name" hint="Who or what will use it: ci-main, nightly-report"><Input value={fields.name} maxLength={100} required onChange={(event) => setFields({ ...fields, name: event.target.value })} /></Field>
        <div className="grid grid-cols-2 gap-3">
          <Field label="Role"><Select value={fields.role} onChange={(event) => setFields({ ...fields, role: event.target.value })}><option>viewer</option><option>operator</option><option>admin</option></Select></Field>
          <Field label="Ends after">
            <Select value={fields.days} onChange={(event) => setFields({ ...fields, days: event.target.value })}><option value="30">30 days</option><option value="90">90 days</option><option value="365">A year</option><option value="">Never</option></Select>
          </Field>
        </div>
        <fieldset>
          <legend className="mb-1 text-xs font-medium">Areas <span className="font-normal text-muted">none chosen: all that the role allows</span></legend>
          <div className="grid grid-cols-2 gap-x-3 sm:grid-cols-3">{Object.keys(AREAS).map((area) => <Checkbox key={area} label={area} checked={fields.scopes.includes(area)} onChange={(event) => toggle(area, event.target.checked)} />)}</div>
        </fieldset>
        {make.isError && <ErrorNote>{messageOf(make.error)}</ErrorNote>}
        <Button type="submit" kind="primary" busy={make.isPending} className="w-full">Make key</Button>
      </form>
    </Dialog>
  );
}
