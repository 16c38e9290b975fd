import type { SignInLinkPurpose, Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { newId } from "../id.ts";
import { requireRole, type Principal } from "../principal.ts";
import { recordAudit } from "./audit-store.ts";
import { hashSecret, looksLikeSecret, newSecret } from "./secret.ts";

const MAX_TTL_MS = 7 * 24 * 3600 * 1000;

/** Makes a one-time link. Its token is in the answer only; `first_run` is refused once a person exists. */
export async function createSignInLink(
  tx: Tx,
  principal: Principal,
  input: { purpose: SignInLinkPurpose; userId?: string | undefined; ttlMs: number },
): Promise<{ token: string; expiresAt: string }> {
  requireRole(principal, "access", "admin");
  if (!(input.ttlMs > 0 && input.ttlMs <= MAX_TTL_MS)) throw new FleetError("bad_request", { public: "A link lives from now to at most seven days." });
  const user = await linkUser(tx, input);
  const { secret, hash } = newSecret("lnk");
  const expiresAt = new Date(Date.now() + input.ttlMs);
  const id = newId("lnk");
  await tx.signInLink.create({ data: { id, tokenHash: hash, purpose: input.purpose, userId: user?.id ?? null, expiresAt } });
  await recordAudit(tx, principal, {
    action: "sign_in_link.create",
    objectKind: user === null ? "sign_in_link" : "person",
    objectId: user?.id ?? id,
    objectName: user?.name,
    detail: { purpose: input.purpose, expiresAt: expiresAt.toISOString() },
  });
  return { token: secret, expiresAt: expiresAt.toISOString() };
}

/**
 * Uses the link up. `link_invalid` when it is unknown, used, too old, or no longer means anything (a first-run link
 * when a person exists, a sign-in link of somebody who was disabled). Of two calls at the same time one succeeds.
 */
export async function redeemSignInLink(tx: Tx, token: string): Promise<{ purpose: SignInLinkPurpose; userId: string | null }> {
  const invalid = new FleetError("link_invalid", { public: "This link was used already or is too old. Ask for a new one." });
  if (!looksLikeSecret("lnk", token)) throw invalid;
  const now = new Date();
  const [link] = await tx.signInLink.updateManyAndReturn({
    where: { tokenHash: hashSecret(token), usedAt: null, expiresAt: { gt: now } },
    data: { usedAt: now },
  });
  if (link === undefined) throw invalid;
  if (link.purpose === "first_run") {
    if ((await tx.user.count()) > 0) throw invalid;
  } else {
    const user = link.userId === null ? null : await tx.user.findUnique({ where: { id: link.userId } });
    if (user === null || user.disabledAt !== null) throw invalid;
  }
  return { purpose: link.purpose, userId: link.userId };
}

async function linkUser(tx: Tx, input: { purpose: SignInLinkPurpose; userId?: string | undefined }): Promise<{ id: string; name: string } | null> {
  if (input.purpose === "first_run") {
    if ((await tx.user.count()) > 0) throw new FleetError("conflict", { public: "There is an admin already; make a sign-in link instead." });
    return null;
  }
  const user = input.userId === undefined ? null : await tx.user.findUnique({ where: { id: input.userId } });
  if (user === null || user.disabledAt !== null) throw new FleetError("not_found", { public: "There is no such person, or they are disabled." });
  return user;
}
