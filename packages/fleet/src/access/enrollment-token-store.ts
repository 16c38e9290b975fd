import { sqlOf, type EnrollmentToken, type Tx } from "@flotilla/db";
import { FleetError, labelsSchema, type Labels } from "@flotilla/protocol";
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
 * Takes one use of a token for a device that enrols. `enrollment_token_invalid` when it is unknown, revoked, too old
 * or used up; a token for n devices admits exactly n, however many ask at once. Rolls back with the caller.
 */
export async function consumeEnrollmentToken(tx: Tx, token: string): Promise<{ id: string; name: string; labels: Labels }> {
  const invalid = new FleetError("enrollment_token_invalid", { public: "The enrolment token is unknown, used up, withdrawn or too old. Make a new one under Settings, Enrolment." });
  if (!looksLikeSecret("fet", token)) throw invalid;
  const [row] = await sqlOf(tx).query<{ id: string; name: string; labels: Labels }>(
    `update enrollment_token set uses = uses + 1
     where secret_hash = $1 and revoked_at is null and expires_at > clock_timestamp() and uses < max_uses
     returning id, name, labels`,
    [hashSecret(token)],
  );
  if (row === undefined) throw invalid;
  return row;
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
