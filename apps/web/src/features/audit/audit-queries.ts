import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import type { AuditView, Page } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

export type AuditFilter = { action: string; actor: string; objectKind: string; objectId: string };

export const noAuditFilter: AuditFilter = { action: "", actor: "", objectKind: "", objectId: "" };

export const auditQuery = (filter: AuditFilter) => infiniteQueryOptions({
  queryKey: ["audit", "list", filter],
  queryFn: ({ pageParam, signal }) => {
    const query = new URLSearchParams({ limit: "100" });
    for (const [name, value] of Object.entries(filter)) if (value !== "") query.set(name, value);
    if (pageParam !== "") query.set("cursor", pageParam);
    return apiGet<Page<AuditView>>(`/audit?${query}`, signal);
  },
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData,
  // There is no topic of its own: every change of anything writes an audit row.
  meta: { topics: ["model", "version", "job", "build", "device", "fleet", "rollout", "upload", "settings"] },
});
