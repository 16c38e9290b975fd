import type { ApiKey, Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { areas, requireRole, type Area, type Principal, type Role } from "../principal.ts";
import { nameOf } from "../text-rules.ts";
import { actorNames } from "./actor-names-store.ts";
import { recordAudit } from "./audit-store.ts";
import { hashSecret, looksLikeSecret, newSecret, sameHash } from "./secret.ts";
import type { ApiKeyView } from "./types.ts";

/** Last use is noted at most this often, so that reading with a key does not write on every call. */
const LAST_USE_GRAIN_MS = 60_000;

/** Makes a key; `secret` is shown this once. A scoped key cannot make one that reaches further than itself. */
export async function createApiKey(
  tx: Tx,
  principal: Principal,
  input: { name: string; role: Role; scopes?: readonly Area[] | undefined; expiresAt?: Date | null | undefined },
): Promise<{ view: ApiKeyView; secret: string }> {
  requireRole(principal, "access", "admin");
  const scopes = scopesOf(input.scopes ?? []);
  if (principal.kind === "api_key" && principal.scopes.length > 0 && (scopes.length === 0 || scopes.some((s) => !principal.scopes.includes(s)))) {
    throw new FleetError("forbidden", { public: `The API key "${principal.name}" may only make keys within its own scopes.` });
  }
  const expiresAt = input.expiresAt ?? null;
  if (expiresAt !== null && !(expiresAt.getTime() > Date.now())) throw new FleetError("bad_request", { public: "The key would expire in the past." });
  const { secret, hash, prefix } = newSecret("flk");
  const row = await tx.apiKey.create({
    data: { id: newId("key"), name: nameOf("The key's name", input.name, 100), prefix, secretHash: hash, role: input.role, scopes, createdById: principal.id, expiresAt },
  });
  await recordAudit(tx, principal, {
    action: "api_key.create",
    objectKind: "api_key",
    objectId: row.id,
    objectName: row.name,
    detail: { role: row.role, scopes, expiresAt: expiresAt?.toISOString() ?? null },
  });
  await recordChange(tx, "settings", row.id);
  return { view: viewOf(row, principal.name), secret };
}

/** All keys, revoked ones too, newest first. Never the secrets. */
export async function listApiKeys(tx: Tx, principal: Principal, input: PageInput = {}): Promise<Page<ApiKeyView>> {
  requireRole(principal, "access", "viewer");
  const limit = pageSize(input);
  const rows = await tx.apiKey.findMany({ where: input.cursor ? { id: { lt: input.cursor } } : {}, orderBy: { id: "desc" }, take: limit + 1 });
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  return pageOf(rows, limit, (row) => row.id, (row) => viewOf(row, names.get(row.createdById) ?? row.createdById));
}

/** Withdraws a key: its next call is refused. Does nothing when revoked already. */
export async function revokeApiKey(tx: Tx, principal: Principal, input: { id: string; reason?: string | undefined }): Promise<ApiKeyView> {
  requireRole(principal, "access", "admin");
  const [changed] = await tx.apiKey.updateManyAndReturn({ where: { id: input.id, revokedAt: null }, data: { revokedAt: new Date() } });
  const row = changed ?? (await tx.apiKey.findUnique({ where: { id: input.id } }));
  if (row === null) throw new FleetError("not_found", { public: "There is no such API key." });
  if (changed !== undefined) {
    await recordAudit(tx, principal, { action: "api_key.revoke", objectKind: "api_key", objectId: row.id, objectName: row.name, reason: input.reason });
    await recordChange(tx, "settings", row.id);
  }
  const names = await actorNames(tx, [row.createdById]);
  return viewOf(row, names.get(row.createdById) ?? row.createdById);
}

/** The principal a secret stands for; null when it is unknown, revoked or expired, or when whoever made it may no longer sign in. */
export async function principalOfApiKey(tx: Tx, secret: string): Promise<Principal | null> {
  if (!looksLikeSecret("flk", secret)) return null;
  const hash = hashSecret(secret);
  const row = await tx.apiKey.findUnique({ where: { secretHash: hash } });
  if (row === null || !sameHash(row.secretHash, hash)) return null;
  const now = new Date();
  if (row.revokedAt !== null || (row.expiresAt !== null && row.expiresAt <= now)) return null;
  // A key made by the platform itself has no person behind it.
  const maker = await tx.user.findUnique({ where: { id: row.createdById }, select: { disabledAt: true } });
  if (maker !== null && maker.disabledAt !== null) return null;
  const stale = new Date(now.getTime() - LAST_USE_GRAIN_MS);
  if (row.lastUsedAt === null || row.lastUsedAt < stale) {
    await tx.apiKey.updateMany({ where: { id: row.id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: stale } }] }, data: { lastUsedAt: now } });
  }
  // Scopes stay as stored: dropping one that this version does not know could leave an empty list, which means "everything".
  return { kind: "api_key", id: row.id, name: row.name, role: row.role, scopes: row.scopes as Area[] };
}

function scopesOf(scopes: readonly string[]): Area[] {
  const unknown = scopes.filter((scope) => !(areas as readonly string[]).includes(scope));
  if (unknown.length > 0) throw new FleetError("bad_request", { public: `Unknown scope ${unknown.join(", ")}; there are ${areas.join(", ")}.` });
  return [...new Set(scopes)] as Area[];
}

function viewOf(row: ApiKey, createdByName: string): ApiKeyView {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    role: row.role,
    scopes: row.scopes as Area[],
    createdAt: row.createdAt.toISOString(),
    createdByName,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
  };
}
