import type { EnrollmentToken, Sql, Tx } from "@flotilla/db";
import { FleetError, invariant, labelsSchema, type Labels } from "@flotilla/protocol";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import { textOf } from "../text-rules.ts";
import { actorNames } from "./actor-names-store.ts";
import { recordAudit } from "./audit-store.ts";
import { hashSecret, looksLikeSecret, newSecret } from "./secret.ts";
import type { EnrollmentTokenView } from "./types.ts";

const DEFAULT_MAX_USES = 1;
const MAX_USES = 100_000;
const DEFAULT_LIFE_SECONDS = 24 * 3600;
const MAX_LIFE_SECONDS = 365 * 24 * 3600;

/** Makes a token that lets devices in (default: one device, one day); `token` is shown this once. */
export async function createEnrollmentToken(
  tx: Tx,
  principal: Principal,
  input: { name?: string | undefined; labels?: Labels | undefined; maxUses?: number | undefined; expiresInSeconds?: number | undefined },
): Promise<{ view: EnrollmentTokenView; token: string }> {
  requireRole(principal, "devices", "operator");
  const labels = labelsSchema.safeParse(input.labels ?? {});
  if (!labels.success) throw new FleetError("bad_request", { public: `Labels: ${labels.error.issues[0]?.message ?? "not valid"}.` });
  const maxUses = wholeNumber("maxUses", input.maxUses ?? DEFAULT_MAX_USES, MAX_USES);
  const lifeSeconds = wholeNumber("expiresInSeconds", input.expiresInSeconds ?? DEFAULT_LIFE_SECONDS, MAX_LIFE_SECONDS);
  const { secret, hash, prefix } = newSecret("fet");
  const row = await tx.enrollmentToken.create({
    data: {
      id: newId("ent"),
      name: textOf("The name", input.name ?? "", 100),
      prefix,
      secretHash: hash,
      labels: labels.data,
      maxUses,
      expiresAt: new Date(Date.now() + lifeSeconds * 1000),
      createdById: principal.id,
    },
  });
  await recordAudit(tx, principal, {
    action: "enrollment_token.create",
    objectKind: "enrollment_token",
    objectId: row.id,
    objectName: row.name,
    detail: { labels: labels.data, maxUses, expiresAt: row.expiresAt.toISOString() },
  });
  await recordChange(tx, "settings", row.id);
  return { view: viewOf(row, principal.name), token: secret };
}

/** All tokens, newest first; never the secrets. */
export async function listEnrollmentTokens(tx: Tx, principal: Principal, input: PageInput = {}): Promise<Page<EnrollmentTokenView>> {
  requireRole(principal, "devices", "viewer");
  const limit = pageSize(input);
  const rows = await tx.enrollmentToken.findMany({ where: input.cursor ? { id: { lt: input.cursor } } : {}, orderBy: { id: "desc" }, take: limit + 1 });
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  return pageOf(rows, limit, (row) => row.id, (row) => viewOf(row, names.get(row.createdById) ?? row.createdById));
}

/** Lets no more devices in with this token; those that came stay. Does nothing when revoked already. */
export async function revokeEnrollmentToken(tx: Tx, principal: Principal, input: { id: string; reason?: string | undefined }): Promise<EnrollmentTokenView> {
  requireRole(principal, "devices", "operator");
  const [changed] = await tx.enrollmentToken.updateManyAndReturn({ where: { id: input.id, revokedAt: null }, data: { revokedAt: new Date() } });
  const row = changed ?? (await tx.enrollmentToken.findUnique({ where: { id: input.id } }));
  if (row === null) throw new FleetError("not_found", { public: "There is no such enrolment token." });
  if (changed !== undefined) {
    await recordAudit(tx, principal, { action: "enrollment_token.revoke", objectKind: "enrollment_token", objectId: row.id, objectName: row.name, reason: input.reason });
    await recordChange(tx, "settings", row.id);
  }
  const names = await actorNames(tx, [row.createdById]);
  return viewOf(row, names.get(row.createdById) ?? row.createdById);
}

/**
 * Those of these secrets that may let devices in now, held until the transaction ends; absent are unknown, revoked, too old and used up ones. What is decided about their uses is
 * then true until `takeTokenUses` in the same transaction.
 */
export async function usableTokens(sql: Sql, secrets: readonly string[]): Promise<Map<string, { id: string; labels: Labels; usesLeft: number }>> {
  const byHash = new Map(secrets.filter((secret) => looksLikeSecret("fet", secret)).map((secret) => [hashSecret(secret), secret]));
  // The time is asked once they are held: waiting for another transaction may take a while.
  const rows = await sql.query<{ id: string; secret_hash: string; labels: Labels; uses_left: number }>(
    `with held as materialized (select id, secret_hash, labels, max_uses - uses as uses_left, expires_at, revoked_at from enrollment_token where secret_hash = any($1::text[]) order by id for update)
     select id, secret_hash, labels, uses_left from held where revoked_at is null and expires_at > clock_timestamp() and uses_left > 0`,
    [[...byHash.keys()]],
  );
  return new Map(rows.map((row) => [byHash.get(row.secret_hash) ?? "", { id: row.id, labels: row.labels, usesLeft: row.uses_left }]));
}

/** Takes uses of tokens that `usableTokens` holds, by their ids. Rolls back with the caller. */
export async function takeTokenUses(sql: Sql, uses: ReadonlyMap<string, number>): Promise<void> {
  if (uses.size === 0) return;
  const taken = await sql.query(
    `update enrollment_token t set uses = t.uses + u.n from unnest($1::text[], $2::int[]) as u(id, n)
      where t.id = u.id and t.revoked_at is null and t.uses + u.n <= t.max_uses returning t.id`,
    [[...uses.keys()], [...uses.values()]],
  );
  invariant(taken.length === uses.size, "a held enrolment token changed");
}

function wholeNumber(field: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max) throw new FleetError("bad_request", { public: `${field} must be a whole number from 1 to ${max}.` });
  return value;
}

function viewOf(row: EnrollmentToken, createdByName: string): EnrollmentTokenView {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    labels: row.labels as Labels,
    maxUses: row.maxUses,
    uses: row.uses,
    expiresAt: row.expiresAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    createdByName,
  };
}
