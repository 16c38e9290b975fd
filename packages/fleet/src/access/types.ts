import type { Area, Role } from "../principal.ts";

export type PersonView = { id: string; name: string; email: string; role: Role; disabledAt: string | null; createdAt: string; lastSeenAt: string | null };
export type ApiKeyView = {
  id: string; name: string; prefix: string; role: Role; scopes: Area[];
  createdAt: string; createdByName: string; lastUsedAt: string | null; expiresAt: string | null; revokedAt: string | null;
};
export type EnrollmentTokenView = {
  id: string; name: string; prefix: string; labels: Record<string, string>; maxUses: number; uses: number;
  expiresAt: string; revokedAt: string | null; createdAt: string; createdByName: string;
};
export type AuditView = {
  id: string; at: string; actorKind: string; actorId: string; actorName: string; action: string;
  objectKind: string; objectId: string; objectName: string | null; reason: string | null; detail: unknown; requestId: string | null;
};
