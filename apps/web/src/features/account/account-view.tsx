"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { usePerson } from "../../components/shell/person.tsx";
import { setSingleKeys, useSingleKeys } from "../../components/shell/shortcuts.ts";
import { useTheme, type ThemeChoice } from "../../components/shell/use-theme.ts";
import { Badge } from "../../components/ui/badge.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { Checkbox, Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { apiGet, apiSend, messageOf } from "../../lib/api-client.ts";
import { addressOf, browserName } from "./browser-name.ts";

export type SessionView = { id: string; current: boolean; userAgent: string | null; ipAddress: string | null; createdAt: string; lastUsedAt: string };

export const sessionsQuery = () => ({ queryKey: ["settings", "sessions"], queryFn: ({ signal }: { signal: AbortSignal }) => apiGet<{ items: SessionView[] }>("/me/sessions", signal) });

/** One's own account: password, sessions, display. */
export function AccountView({ email }: { email: string }) {
  const person = usePerson();
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-2">
      <Card title="You"><Facts items={[{ label: "Name", value: person.name }, { label: "Role", value: <Badge>{person.role}</Badge> }, { label: "E-mail", value: email }]} /></Card>
      <DisplayCard />
      <PasswordCard />
      <SessionsCard />
    </div>
  );
}

function DisplayCard() {
  const { choice, choose } = useTheme();
  const singleKeys = useSingleKeys();
  return (
    <Card title="Display" subtitle="Kept in this browser">
      <div className="space-y-3">
        <Field label="Theme"><Select value={choice} onChange={(event) => choose(event.target.value as ThemeChoice)}><option value="system">As the system</option><option value="light">Light</option><option value="dark">Dark</option></Select></Field>
        <Checkbox label="Single-key shortcuts" hint="Keys such as u or g m without Ctrl; ? shows them all." checked={singleKeys} onChange={(event) => setSingleKeys(event.target.checked)} />
      </div>
    </Card>
  );
}

function PasswordCard() {
  const client = useQueryClient();
  const [fields, setFields] = useState({ currentPassword: "", newPassword: "" });
  const change = useMutation({
    mutationFn: () => apiSend("POST", "/me/password", fields),
    onSuccess: async () => {
      setFields({ currentPassword: "", newPassword: "" });
      await client.invalidateQueries({ queryKey: ["settings", "sessions"] });
    },
  });
  return (
    <Card title="Password">
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <Field label="Present password"><Input type="password" autoComplete="current-password" required value={fields.currentPassword} onChange={(event) => setFields({ ...fields, currentPassword: event.target.value })} /></Field>
        <Field label="New password" hint="At least 10 characters. Your other sessions end."><Input type="password" autoComplete="new-password" required minLength={10} maxLength={128} value={fields.newPassword} onChange={(event) => setFields({ ...fields, newPassword: event.target.value })} /></Field>
        {change.isError && <ErrorNote>{messageOf(change.error)}</ErrorNote>}
        {change.isSuccess && <div role="status"><Notice tone="ok">The password is changed. Other sessions have ended.</Notice></div>}
        <Button type="submit" busy={change.isPending}>Change password</Button>
      </form>
    </Card>
  );
}

function SessionsCard() {
  const client = useQueryClient();
  const sessions = useQuery(sessionsQuery());
  const end = useMutation({ mutationFn: (id: string) => apiSend("DELETE", `/me/sessions/${id}`), onSettled: () => client.invalidateQueries({ queryKey: ["settings", "sessions"] }) });
  return (
    <Card title="Sessions" subtitle="End after 12 hours without use, and after 7 days in any case" flush>
      {end.isError && <ErrorNote className="p-2">{messageOf(end.error)}</ErrorNote>}
      <QueryView query={sessions} loading={<TableSkeleton rows={2} columns={3} />} what="Sessions could not be loaded">
        {({ items }) => (
          <Table caption="Sessions">
            <thead><tr><Th>Browser</Th><Th>Address</Th><Th>Last used</Th><Th><span className="sr-only">Actions</span></Th></tr></thead>
            <tbody>
              {items.map((session) => (
                <Tr key={session.id}>
                  <Td className="max-w-56 truncate" title={session.userAgent ?? undefined}>{browserName(session.userAgent)} {session.current && <Badge tone="ok">this one</Badge>}</Td>
                  <Td className="text-muted tabular">{addressOf(session.ipAddress)}</Td>
                  <Td className="whitespace-nowrap text-muted"><TimeAgo at={session.lastUsedAt} /></Td>
                  <Td className="text-right">{!session.current && <Button size="sm" kind="quiet" busy={end.isPending && end.variables === session.id} onClick={() => end.mutate(session.id)}>End</Button>}</Td>
                </Tr>
              ))}
            </tbody>
          </Table>
        )}
      </QueryView>
    </Card>
  );
}
