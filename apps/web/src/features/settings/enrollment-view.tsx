"use client";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import type { EnrollmentTokenView } from "@flotilla/fleet";
import { Plus, Ticket } from "lucide-react";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Badge, StateWord } from "../../components/ui/badge.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo, TimeUntil } from "../../components/ui/time-ago.tsx";
import { apiSend } from "../../lib/api-client.ts";
import { formatCount } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { EnrollDialog } from "./enroll-dialog.tsx";
import { enrollmentTokensQuery } from "./settings-queries.ts";

/** How devices come in. */
export function EnrollmentView() {
  const client = useQueryClient();
  const tokens = useInfiniteQuery(enrollmentTokensQuery());
  const missingRole = useMissingRole("operator");
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<EnrollmentTokenView | null>(null);
  const rows = tokens.data?.pages.flatMap((page) => page.items) ?? [];
  const enrol = <Button kind="primary" size="sm" disabled={missingRole !== undefined} title={missingRole} onClick={() => setMaking(true)}><Plus size={14} aria-hidden />Enrol devices</Button>;
  return (
    <>
      <Card title="Enrolment tokens" subtitle="A token lets new devices in; each device then has a key of its own" actions={enrol} flush>
        {tokens.isPending && <TableSkeleton columns={5} rows={3} />}
        {tokens.isLoadingError && <ErrorState error={tokens.error} what="Tokens could not be loaded" onRetry={() => void tokens.refetch()} />}
        {tokens.data !== undefined && rows.length === 0 && <EmptyState icon={<Ticket size={18} />} title="No tokens yet" action={enrol}>Make one and run a single command on the machine. Linux, macOS and Windows, x64 and arm64.</EmptyState>}
        {rows.length > 0 && (
          <Table caption="Enrolment tokens">
            <thead><tr><Th>Name</Th><Th>Token</Th><Th>Labels</Th><Th numeric>Used</Th><Th>State</Th><Th>Ends</Th><Th>Made</Th><Th><span className="sr-only">Actions</span></Th></tr></thead>
            <tbody>{rows.map((token) => <TokenRow key={token.id} token={token} missingRole={missingRole} onRevoke={() => setRevoking(token)} />)}</tbody>
          </Table>
        )}
        {tokens.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={tokens.isFetchingNextPage} onClick={() => void tokens.fetchNextPage()}>Show more</Button></div>}
      </Card>
      <EnrollDialog open={making} onOpenChange={setMaking} />
      <ConfirmDialog
        open={revoking !== null} onOpenChange={() => setRevoking(null)} title="Revoke this token?" action="Revoke token" asksReason
        onConfirm={async (reason) => {
          await apiSend("POST", `/enrollment-tokens/${revoking?.id ?? ""}/revoke`, { ...(reason !== undefined && { reason }) });
          await client.invalidateQueries({ queryKey: ["settings"] });
        }}
      >
        No further device comes in with it. Devices that came stay; each has its own key.
      </ConfirmDialog>
    </>
  );
}

function TokenRow({ token, missingRole, onRevoke }: { token: EnrollmentTokenView; missingRole: string | undefined; onRevoke: () => void }) {
  const isOver = Date.parse(token.expiresAt) < useNow();
  const isUsedUp = token.uses >= token.maxUses;
  const isOpen = token.revokedAt === null && !isOver && !isUsedUp;
  return (
    <Tr className={isOpen ? "" : "text-muted"}>
      <Td className="max-w-48 truncate font-medium">{token.name === "" ? "–" : token.name}</Td>
      <Td className="font-mono text-xs whitespace-nowrap">{token.prefix}…</Td>
      <Td className="max-w-64"><span className="flex flex-wrap gap-1">{Object.entries(token.labels).map(([key, value]) => <Badge key={key}>{key}={value}</Badge>)}</span></Td>
      <Td numeric className="whitespace-nowrap">{formatCount(token.uses)} of {formatCount(token.maxUses)}</Td>
      <Td suppressHydrationWarning>{token.revokedAt !== null ? <StateWord tone="neutral" word="revoked" ended /> : isUsedUp ? <StateWord tone="ok" word="used up" /> : isOver ? <StateWord tone="neutral" word="over" ended /> : <StateWord tone="busy" word="open" />}</Td>
      <Td className="whitespace-nowrap text-muted"><TimeUntil at={token.expiresAt} /></Td>
      <Td className="whitespace-nowrap text-muted"><TimeAgo at={token.createdAt} /> by {token.createdByName}</Td>
      <Td className="text-right">{isOpen && <Button size="sm" kind="quiet" disabled={missingRole !== undefined} title={missingRole} onClick={onRevoke}>Revoke</Button>}</Td>
    </Tr>
  );
}
