import { sqlOf, type Tx, type User } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { z } from "zod";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal, type Role } from "../principal.ts";
import { nameOf } from "../text-rules.ts";
import { recordAudit } from "./audit-store.ts";
import type { PersonView } from "./types.ts";

// Invariant: from the first admin on there is always an enabled one. Every change that takes an admin away first locks
// the rows of all enabled admins, so two such changes cannot both count the other's.

/** A person to make. The password arrives hashed (`hashPassword`): plain ones never reach this package's rows. */
export type NewPerson = { name: string; email: string; passwordHash: string };

const emailSchema = z.email().max(254);

/** How many people there are, disabled ones included: 0 means the installation waits for its first admin. */
export async function countUsers(tx: Tx): Promise<number> {
  return tx.user.count();
}

/** Makes the first admin; `conflict` once any person exists. Only the platform itself may call it. */
export async function createFirstAdmin(tx: Tx, principal: Principal, person: NewPerson): Promise<PersonView> {
  if (principal.kind !== "system") throw new FleetError("forbidden", { public: "Only the first-run link makes the first admin." });
  // Two browsers may hold the same link open; the second waits here and then finds a person.
  await sqlOf(tx).query("select pg_advisory_xact_lock(hashtextextended('flotilla first admin', 0))::text");
  if ((await tx.user.count()) > 0) throw new FleetError("conflict", { public: "There is an admin already. Sign in instead." });
  return insertPerson(tx, principal, { ...person, role: "admin" }, "person.first_admin");
}

/** Adds a person who can sign in at once. `name_taken` when the e-mail address is known. */
export async function invitePerson(tx: Tx, principal: Principal, person: NewPerson & { role: Role }): Promise<PersonView> {
  requireRole(principal, "access", "admin");
  return insertPerson(tx, principal, person, "person.invite");
}

/** Everybody, newest first, with the time of their last activity. */
export async function listPeople(tx: Tx, principal: Principal, input: PageInput = {}): Promise<Page<PersonView>> {
  requireRole(principal, "access", "viewer");
  const limit = pageSize(input);
  const rows = await tx.user.findMany({
    where: input.cursor ? { id: { lt: input.cursor } } : {},
    orderBy: { id: "desc" },
    take: limit + 1,
    include: { sessions: { orderBy: { updatedAt: "desc" }, take: 1, select: { updatedAt: true } } },
  });
  return pageOf(rows, limit, (row) => row.id, (row) => personView(row, row.sessions[0]?.updatedAt ?? null));
}

/** Gives a person another role. `last_admin` when that would leave none. */
export async function setRole(tx: Tx, principal: Principal, input: { userId: string; role: Role }): Promise<PersonView> {
  requireRole(principal, "access", "admin");
  const before = await lockPerson(tx, input.userId);
  if (before.role === "admin" && input.role !== "admin") await requireAnotherAdmin(tx, before.id);
  const after = await tx.user.update({ where: { id: before.id }, data: { role: input.role } });
  await recordAudit(tx, principal, { action: "person.set_role", objectKind: "person", objectId: after.id, objectName: after.name, detail: { from: before.role, to: after.role } });
  await recordChange(tx, "settings", after.id);
  return personView(after, null);
}

/** Ends a person's sessions and lets them in no more. Their rows and deeds stay. Does nothing when disabled already. */
export async function disablePerson(tx: Tx, principal: Principal, input: { userId: string; reason?: string | undefined }): Promise<PersonView> {
  requireRole(principal, "access", "admin");
  const before = await lockPerson(tx, input.userId);
  if (before.disabledAt !== null) return personView(before, null);
  if (before.role === "admin") await requireAnotherAdmin(tx, before.id);
  const after = await tx.user.update({ where: { id: before.id }, data: { disabledAt: new Date() } });
  await tx.session.deleteMany({ where: { userId: after.id } });
  await recordAudit(tx, principal, { action: "person.disable", objectKind: "person", objectId: after.id, objectName: after.name, reason: input.reason });
  await recordChange(tx, "settings", after.id);
  return personView(after, null);
}

/** Lets a disabled person in again. */
export async function enablePerson(tx: Tx, principal: Principal, input: { userId: string }): Promise<PersonView> {
  requireRole(principal, "access", "admin");
  const before = await lockPerson(tx, input.userId);
  if (before.disabledAt === null) return personView(before, null);
  const after = await tx.user.update({ where: { id: before.id }, data: { disabledAt: null } });
  await recordAudit(tx, principal, { action: "person.enable", objectKind: "person", objectId: after.id, objectName: after.name });
  await recordChange(tx, "settings", after.id);
  return personView(after, null);
}

/** The principal of a signed-in person, with their present role; null when unknown or disabled. */
export async function principalOfUser(tx: Tx, userId: string): Promise<Principal | null> {
  const user = await tx.user.findUnique({ where: { id: userId } });
  if (user === null || user.disabledAt !== null) return null;
  return { kind: "user", id: user.id, name: user.name, role: user.role };
}

async function insertPerson(tx: Tx, principal: Principal, person: NewPerson & { role: Role }, action: string): Promise<PersonView> {
  const name = nameOf("The name", person.name, 100);
  const email = emailOf(person.email);
  if (!/^[0-9a-f]{32}:[0-9a-f]{128}$/.test(person.passwordHash)) throw new FleetError("bad_request", { public: "The password is not hashed." });
  const now = new Date();
  const id = newId("usr");
  const made = await tx.user.createMany({
    data: [{ id, name, email, emailVerified: true, role: person.role, createdAt: now, updatedAt: now }],
    skipDuplicates: true,
  });
  if (made.count === 0) throw new FleetError("name_taken", { public: `${email} is the address of another person.` });
  // The form in which better-auth keeps an e-mail and password account.
  await tx.account.create({ data: { id: newId("usr"), accountId: id, providerId: "credential", userId: id, password: person.passwordHash } });
  await recordAudit(tx, principal, { action, objectKind: "person", objectId: id, objectName: name, detail: { email, role: person.role } });
  await recordChange(tx, "settings", id);
  return { id, name, email, role: person.role, disabledAt: null, createdAt: now.toISOString(), lastSeenAt: null };
}

/** better-auth looks people up by the lower-case address. */
function emailOf(text: string): string {
  const parsed = emailSchema.safeParse(text.trim().toLowerCase());
  if (!parsed.success) throw new FleetError("bad_request", { public: `"${text.slice(0, 100)}" is not an e-mail address.` });
  return parsed.data;
}

async function lockPerson(tx: Tx, userId: string): Promise<User> {
  // All admins first, in one order, so that two changes wait for each other instead of locking crosswise.
  await sqlOf(tx).query(`select id from "user" where (role = 'admin' and disabled_at is null) or id = $1 order by id for update`, [userId]);
  const user = await tx.user.findUnique({ where: { id: userId } });
  if (user === null) throw new FleetError("not_found", { public: "There is no such person." });
  return user;
}

async function requireAnotherAdmin(tx: Tx, userId: string): Promise<void> {
  const others = await tx.user.count({ where: { role: "admin", disabledAt: null, id: { not: userId } } });
  if (others === 0) throw new FleetError("last_admin", { public: "This is the only admin. Make somebody else admin first." });
}

function personView(user: User, lastSeenAt: Date | null): PersonView {
  return {
    id: user.id,
    name: user.name,
    email: user.email,
    role: user.role,
    disabledAt: user.disabledAt?.toISOString() ?? null,
    createdAt: user.createdAt.toISOString(),
    lastSeenAt: lastSeenAt?.toISOString() ?? null,
  };
}
