import { listEnrollmentTokens } from "@flotilla/fleet";
import type { Metadata } from "next";
import { enrollmentTokensQuery } from "../../../../features/settings/settings-queries.ts";
import { EnrollmentView } from "../../../../features/settings/enrollment-view.tsx";
import { Prefetched, prefetchPages } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "Enrolment" };

export default async function EnrollmentPage() {
  const principal = await requirePrincipal();
  const rows = await prefetchPages(principal, enrollmentTokensQuery().queryKey, (tx, p) => listEnrollmentTokens(tx, p, { limit: 100 }));
  return <Prefetched queries={[rows]}><EnrollmentView /></Prefetched>;
}
