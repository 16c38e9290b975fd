import { listAudit } from "@flotilla/fleet";
import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { auditQuery, noAuditFilter } from "../../../features/audit/audit-queries.ts";
import { AuditView } from "../../../features/audit/audit-view.tsx";
import { Prefetched, prefetchPages } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Audit" };

export default async function AuditPage() {
  const principal = await requirePrincipal();
  const entries = await prefetchPages(principal, auditQuery(noAuditFilter).queryKey, (tx, p) => listAudit(tx, p, { limit: 100 }));
  return (
    <Page title="Audit" subtitle="Who did what, to what, why. Nothing here can be changed." wide>
      <Prefetched queries={[entries]}><AuditView /></Prefetched>
    </Page>
  );
}
