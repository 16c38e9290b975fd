"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { EnrollmentTokenView, Page } from "@flotilla/fleet";
import { CircleCheck } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useState } from "react";
import { Button, Spinner } from "../../components/ui/button.tsx";
import { Dialog, DialogClose } from "../../components/ui/dialog.tsx";
import { Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiGet, apiSend, messageOf } from "../../lib/api-client.ts";
import { formatNoun } from "../../lib/format.ts";
import { parseLabels } from "./parse-labels.ts";
import { SecretBox } from "./secret-box.tsx";

type Made = { token: string | null; enrollmentToken: EnrollmentTokenView; server: string };
type Fields = { name: string; labels: string; maxUses: string; hours: string };
const EMPTY: Fields = { name: "", labels: "", maxUses: "1", hours: "24" };

/** Makes a token, shows the command to run on the machine, and waits for it to report. */
export function EnrollDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const client = useQueryClient();
  const [fields, setFields] = useState(EMPTY);
  const labels = parseLabels(fields.labels);
  const make = useMutation({
    mutationFn: () =>
      apiSend<Made>("POST", "/enrollment-tokens", {
        ...(fields.name.trim() !== "" && { name: fields.name.trim() }),
        fleetLabels: labels.labels, maxUses: Number(fields.maxUses), expiresInSeconds: Number(fields.hours) * 3600,
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["settings"] }),
  });
  const close = (next: boolean): void => {
    onOpenChange(next);
    if (next) return;
    make.reset();
    setFields(EMPTY);
  };
  if (make.data !== undefined) return <CommandDialog made={make.data} open={open} onOpenChange={close} />;
  return (
    <Dialog open={open} onOpenChange={close} title="Enrol devices" description="Each device makes its own key and keeps it; the token only opens the door." width="sm">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (labels.fault === null) make.mutate();
        }}
      >
        <Field label="Name" optional hint="Where the devices are: berlin-lab"><Input value={fields.name} maxLength={100} onChange={(event) => setFields({ ...fields, name: event.target.value })} /></Field>
        <Field label="Labels" optional hint="Every device gets them, and fleets are queries over them: site=berlin, tier=edge" error={labels.fault}><Input value={fields.labels} onChange={(event) => setFields({ ...fields, labels: event.target.value })} /></Field>
        <div className="grid grid-cols-2 gap-3">
          <Field label="Devices"><Input type="number" min={1} max={100_000} required value={fields.maxUses} onChange={(event) => setFields({ ...fields, maxUses: event.target.value })} /></Field>
          <Field label="Works for"><Select value={fields.hours} onChange={(event) => setFields({ ...fields, hours: event.target.value })}><option value="1">An hour</option><option value="24">A day</option><option value="168">A week</option><option value="720">30 days</option></Select></Field>
        </div>
        {make.isError && <ErrorNote>{messageOf(make.error)}</ErrorNote>}
        <Button type="submit" kind="primary" busy={make.isPending} className="w-full">Make token</Button>
      </form>
    </Dialog>
  );
}

function CommandDialog({ made, open, onOpenChange }: { made: Made; open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Run this on the device" description="In a checkout of Flotilla, on any machine with Node 20 or newer." width="lg" footer={<DialogClose kind="primary">Done</DialogClose>}>
      <div className="space-y-3">
        {made.token !== null && <SecretBox label="Command" text={`npm run agent -- --server ${made.server} --token ${made.token}`} warning="The token is shown this once; it is stored as a hash." />}
        <WaitingLight made={made} />
      </div>
    </Dialog>
  );
}

/** Turns green when a device has come in with this token. */
function WaitingLight({ made }: { made: Made }) {
  const { id, maxUses } = made.enrollmentToken;
  const query = useQuery({
    queryKey: ["settings", "enrollment-token", id],
    queryFn: async ({ signal }) => (await apiGet<Page<EnrollmentTokenView>>("/enrollment-tokens?limit=200", signal)).items.find((token) => token.id === id) ?? null,
    meta: { topics: ["device"] },
    // Waiting in front of a screen: do not rely on the stream alone.
    refetchInterval: 3_000,
  });
  const uses = query.data?.uses ?? 0;
  return (
    <div role="status" className="flex flex-wrap items-center gap-2 rounded-lg border px-3 py-2.5">
      {uses === 0 ? <Spinner className="text-muted" /> : <CircleCheck size={16} aria-hidden className="text-ok" />}
      <span className={uses === 0 ? "text-muted" : "font-medium text-ok"}>{uses === 0 ? "Waiting for the device to report…" : `${formatNoun(uses, "device")} came in${maxUses > 1 ? ` of ${maxUses}` : ""}`}</span>
      {uses > 0 && <Link href={"/devices" as Route} className="ml-auto underline underline-offset-2">See devices</Link>}
    </div>
  );
}
