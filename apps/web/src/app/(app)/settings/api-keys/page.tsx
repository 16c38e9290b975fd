import { listApiKeys } from "@flotilla/fleet";
import type { Metadata } from "next";
import { apiKeysQuery } from "../../../../features/settings/settings-queries.ts";
import { ApiKeysView } from "../../../../features/settings/api-keys-view.tsx";
import { Prefetched, prefetchPages } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "API keys" };

export default async function ApiKeysPage() {
  const principal = await requirePrincipal();
  const rows = await prefetchPages(principal, apiKeysQuery().queryKey, (tx, p) => listApiKeys(tx, p, { limit: 100 }));
  return <Prefetched queries={[rows]}><ApiKeysView /></Prefetched>;
}
