"use client";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import type { PersonView } from "@flotilla/fleet";
import { KeyRound, MoreHorizontal, UserPlus, UserRoundCheck, UserRoundX } from "lucide-react";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Badge, StateWord } from "../../components/ui/badge.tsx";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { Dialog, DialogClose } from "../../components/ui/dialog.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { Select } from "../../components/ui/field.tsx";
import { Menu } from "../../components/ui/menu.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { AddPersonDialog } from "./add-person-dialog.tsx";
import { SecretBox } from "./secret-box.tsx";
import { peopleQuery } from "./settings-queries.ts";

type Link = { url: string | null; expiresAt: string };

/** Who may sign in, and what they may do. */
export function PeopleView() {
  const people = useInfiniteQuery(peopleQuery());
  const missingRole = useMissingRole("admin");
  const [adding, setAdding] = useState(false);
  const rows = people.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <Card title="People" subtitle="Viewers read, operators ship, admins also manage people and keys" actions={<Button kind="primary" size="sm" disabled={missingRole !== undefined} title={missingRole} onClick={() => setAdding(true)}><UserPlus size={14} aria-hidden />Add person</Button>} flush>
        {people.isPending && <TableSkeleton columns={4} rows={4} />}
        {people.isLoadingError && <ErrorState error={people.error} what="People could not be loaded" onRetry={() => void people.refetch()} />}
        {rows.length > 0 && (
          <Table caption="People">
            <thead><tr><Th>Name</Th><Th>E-mail</Th><Th>Role</Th><Th>State</Th><Th>Last seen</Th><Th><span className="sr-only">Actions</span></Th></tr></thead>
            <tbody>{rows.map((person) => <PersonRow key={person.id} person={person} missingRole={missingRole} />)}</tbody>
          </Table>
        )}
        {people.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={people.isFetchingNextPage} onClick={() => void people.fetchNextPage()}>Show more</Button></div>}
      </Card>
      <AddPersonDialog open={adding} onOpenChange={setAdding} />
    </>
  );
}

function PersonRow({ person, missingRole }: { person: PersonView; missingRole: string | undefined }) {
  const client = useQueryClient();
  const [disabling, setDisabling] = useState(false);
  const [link, setLink] = useState<Link | null>(null);
  const fresh = (): Promise<void> => client.invalidateQueries({ queryKey: ["settings"] });
  const change = useMutation({ mutationFn: (body: { role?: string; disabled?: boolean; reason?: string }) => apiSend<PersonView>("PATCH", `/people/${person.id}`, body), onSettled: fresh });
  const makeLink = useMutation({ mutationFn: () => apiSend<Link>("POST", `/people/${person.id}/sign-in-link`, {}), onSuccess: setLink });
  const isDisabled = person.disabledAt !== null;
  const failed = change.error ?? makeLink.error;
  return (
    <>
      <Tr>
        <Td className="max-w-48 truncate font-medium">{person.name}</Td>
        <Td className="max-w-64 truncate text-muted">{person.email}</Td>
        <Td>
          {missingRole !== undefined || isDisabled ? <Badge>{person.role}</Badge> : (
            <Select aria-label={`Role of ${person.name}`} className="w-28" value={person.role} disabled={change.isPending} onChange={(event) => change.mutate({ role: event.target.value })}>
              <option>viewer</option><option>operator</option><option>admin</option>
            </Select>
          )}
        </Td>
        <Td>{isDisabled ? <StateWord tone="neutral" word="disabled" ended /> : <StateWord tone="ok" word="active" />}</Td>
        <Td className="whitespace-nowrap text-muted"><TimeAgo at={person.lastSeenAt} /></Td>
        <Td className="text-right">
          {missingRole === undefined && (
            <Menu
              trigger={<IconButton label={`More for ${person.name}`} size="icon-sm"><MoreHorizontal size={15} aria-hidden /></IconButton>}
              entries={[
                { kind: "action", label: "Make a sign-in link", icon: <KeyRound size={14} aria-hidden />, disabled: isDisabled, onClick: () => makeLink.mutate() },
                isDisabled
                  ? { kind: "action", label: "Let in again", icon: <UserRoundCheck size={14} aria-hidden />, onClick: () => change.mutate({ disabled: false }) }
                  : { kind: "action", label: "Disable", icon: <UserRoundX size={14} aria-hidden />, danger: true, onClick: () => setDisabling(true) },
              ]}
            />
          )}
          <ConfirmDialog open={disabling} onOpenChange={setDisabling} title={`Disable ${person.name}?`} action="Disable" asksReason onConfirm={(reason) => change.mutateAsync({ disabled: true, ...(reason !== undefined && { reason }) })}>
            They are signed out everywhere at once and cannot sign in any more. What they did stays in the audit log. You can let them in again.
          </ConfirmDialog>
          <Dialog open={link !== null} onOpenChange={() => setLink(null)} title={`Sign-in link for ${person.name}`} footer={<DialogClose kind="primary">Done</DialogClose>}>
            {link?.url != null && <SecretBox label="Link" text={link.url} warning="Shown this once. Whoever has it signs in as this person; it works once, within 24 hours." />}
          </Dialog>
        </Td>
      </Tr>
      {failed !== null && <tr><td colSpan={6} className="p-2"><ErrorNote>{messageOf(failed)}</ErrorNote></td></tr>}
    </>
  );
}
