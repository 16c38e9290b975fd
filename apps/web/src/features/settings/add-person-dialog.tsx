"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { PersonView } from "@flotilla/fleet";
import { useState } from "react";
import { Button } from "../../components/ui/button.tsx";
import { Dialog, DialogClose } from "../../components/ui/dialog.tsx";
import { Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { ApiProblem, apiSend, messageOf } from "../../lib/api-client.ts";
import { SecretBox } from "./secret-box.tsx";

type Added = { person: PersonView; link: { url: string | null; expiresAt: string } };

/** Adds a person and shows the link by which they choose their password. */
export function AddPersonDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const client = useQueryClient();
  const [fields, setFields] = useState({ name: "", email: "", role: "operator" });
  const add = useMutation({ mutationFn: () => apiSend<Added>("POST", "/people", fields), onSuccess: () => client.invalidateQueries({ queryKey: ["settings"] }) });
  const close = (next: boolean): void => {
    onOpenChange(next);
    if (next) return;
    add.reset();
    setFields({ name: "", email: "", role: "operator" });
  };
  if (add.data !== undefined) {
    return (
      <Dialog open={open} onOpenChange={close} title={`${add.data.person.name} is added`} description="Send them this link. They choose a password and are in." footer={<DialogClose kind="primary">Done</DialogClose>}>
        {add.data.link.url !== null && <SecretBox label="Link" text={add.data.link.url} warning="Shown this once. It works once, within 24 hours. You can make another one later." />}
      </Dialog>
    );
  }
  const fault = (path: string): string | undefined => (add.error instanceof ApiProblem ? add.error.faults.find((entry) => entry.path === path)?.message : undefined);
  return (
    <Dialog open={open} onOpenChange={close} title="Add a person" width="sm">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <Field label="Name" error={fault("name")}><Input value={fields.name} maxLength={100} required onChange={(event) => setFields({ ...fields, name: event.target.value })} /></Field>
        <Field label="E-mail" error={fault("email")}><Input type="email" value={fields.email} maxLength={254} required onChange={(event) => setFields({ ...fields, email: event.target.value })} /></Field>
        <Field label="Role" hint="Viewers read. Operators upload, build, roll out and enrol. Admins also manage people and keys.">
          <Select value={fields.role} onChange={(event) => setFields({ ...fields, role: event.target.value })}><option>viewer</option><option>operator</option><option>admin</option></Select>
        </Field>
        {add.isError && fault("name") === undefined && fault("email") === undefined && <ErrorNote>{messageOf(add.error)}</ErrorNote>}
        <Button type="submit" kind="primary" busy={add.isPending} className="w-full">Add person</Button>
      </form>
    </Dialog>
  );
}
