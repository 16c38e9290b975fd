"use client";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import type { ApiKeyView } from "@flotilla/fleet";
import { KeyRound, Plus } from "lucide-react";
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
import { useNow } from "../../lib/use-now.ts";
import { NewApiKeyDialog } from "./new-api-key-dialog.tsx";
import { apiKeysQuery } from "./settings-queries.ts";

/** Keys for scripts and CI. */
export function ApiKeysView() {
  const client = useQueryClient();
  const keys = useInfiniteQuery(apiKeysQuery());
  const missingRole = useMissingRole("admin");
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKeyView | null>(null);
  const rows = keys.data?.pages.flatMap((page) => page.items) ?? [];
  const newKey = <Button kind="primary" size="sm" disabled={missingRole !== undefined} title={missingRole} onClick={() => setMaking(true)}><Plus size={14} aria-hidden />New key</Button>;
  return (
    <>
      <Card title="API keys" subtitle={<KeyHint />} actions={newKey} flush>
        {keys.isPending && <TableSkeleton columns={5} rows={3} />}
        {keys.isLoadingError && <ErrorState error={keys.error} what="API keys could not be loaded" onRetry={() => void keys.refetch()} />}
        {keys.data !== undefined && rows.length === 0 && <EmptyState icon={<KeyRound size={18} />} title="No API keys yet" action={newKey}>A key lets a script or CI do what its role allows, within the areas you choose.</EmptyState>}
        {rows.length > 0 && (
          <Table caption="API keys">
            <thead><tr><Th>Name</Th><Th>Key</Th><Th>Role</Th><Th>Areas</Th><Th>State</Th><Th>Last used</Th><Th>Ends</Th><Th>Made</Th><Th><span className="sr-only">Actions</span></Th></tr></thead>
            <tbody>{rows.map((key) => <KeyRow key={key.id} apiKey={key} missingRole={missingRole} onRevoke={() => setRevoking(key)} />)}</tbody>
          </Table>
        )}
        {keys.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={keys.isFetchingNextPage} onClick={() => void keys.fetchNextPage()}>Show more</Button></div>}
      </Card>
      <NewApiKeyDialog open={making} onOpenChange={setMaking} />
      <ConfirmDialog
        open={revoking !== null} onOpenChange={() => setRevoking(null)} title={`Revoke the key “${revoking?.name ?? ""}”?`} action="Revoke key" asksReason
        onConfirm={async (reason) => {
          await apiSend("POST", `/api-keys/${revoking?.id ?? ""}/revoke`, { ...(reason !== undefined && { reason }) });
          await client.invalidateQueries({ queryKey: ["settings"] });
        }}
      >
        Its next call is refused. This cannot be undone; make a new key instead.
      </ConfirmDialog>
    </>
  );
}

function KeyHint() {
  // A document of the API, not a page: Link would try to load it as one.
  // oxlint-disable-next-line nextjs/no-html-link-for-pages
  return <>Sent as <code>Authorization: Bearer flk_…</code>; described in <a href="/api/v1/openapi.json" className="underline underline-offset-2 hover:text-ink">OpenAPI</a></>;
}

function KeyRow({ apiKey, missingRole, onRevoke }: { apiKey: ApiKeyView; missingRole: string | undefined; onRevoke: () => void }) {
  const now = useNow();
  const isExpired = apiKey.expiresAt !== null && Date.parse(apiKey.expiresAt) < now;
  return (
    <Tr className={apiKey.revokedAt !== null ? "text-muted" : ""}>
      <Td className="max-w-48 truncate font-medium">{apiKey.name}</Td>
      <Td className="font-mono text-xs whitespace-nowrap">{apiKey.prefix}…</Td>
      <Td><Badge>{apiKey.role}</Badge></Td>
      <Td className="max-w-64">{apiKey.scopes.length === 0 ? <span className="text-muted">all</span> : <span className="flex flex-wrap gap-1">{apiKey.scopes.map((scope) => <Badge key={scope}>{scope}</Badge>)}</span>}</Td>
      <Td suppressHydrationWarning>{apiKey.revokedAt !== null ? <StateWord tone="neutral" word="revoked" ended /> : isExpired ? <StateWord tone="warn" word="expired" /> : <StateWord tone="ok" word="active" />}</Td>
      <Td className="whitespace-nowrap text-muted"><TimeAgo at={apiKey.lastUsedAt} /></Td>
      <Td className="whitespace-nowrap text-muted"><TimeUntil at={apiKey.expiresAt} /></Td>
      <Td className="whitespace-nowrap text-muted"><TimeAgo at={apiKey.createdAt} /> by {apiKey.createdByName}</Td>
      <Td className="text-right">{apiKey.revokedAt === null && <Button size="sm" kind="quiet" disabled={missingRole !== undefined} title={missingRole} onClick={onRevoke}>Revoke</Button>}</Td>
    </Tr>
  );
}
