import { randomBytes } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { createSignInLink, disablePerson, enablePerson, hashPassword, invitePerson, listPeople, setRole, type PersonView } from "@flotilla/fleet";
import { personSchema, roleSchema } from "./access-schemas.ts";
import { defineRoute, idParams, pageOf, pageQuery, type Route } from "./define-route.ts";
import { failure } from "./problems.ts";

const LINK_TTL_MS = 24 * 3600_000;
const link = z.object({ url: z.string().nullable().openapi({ description: "Signs in once and lets choose a password; shown only in the first answer" }), expiresAt: z.string() });

/** People and their roles. */
export const peopleRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/people", tag: "People", summary: "Everybody, newest first", access: { area: "access", role: "viewer" },
    query: pageQuery, answer: pageOf(personSchema),
    handle: ({ tx, principal, query }) => listPeople(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/people", tag: "People", summary: "Add a person; they choose their password through the link", access: { area: "access", role: "admin" },
    body: z.object({ name: z.string().trim().min(1, "is empty").max(100), email: z.email("is not an e-mail address").max(254), role: roleSchema }),
    answer: z.object({ person: personSchema, link }), status: 201,
    forget: ({ person, link: made }) => ({ person, link: { ...made, url: null } }),
    handle: async ({ tx, principal, body, origin }) => {
      // Nobody knows this password; it holds the place until the person chooses one.
      const passwordHash = await hashPassword(randomBytes(32).toString("base64url"));
      const person = await invitePerson(tx, principal, { ...body, passwordHash });
      const { token, expiresAt } = await createSignInLink(tx, principal, { purpose: "sign_in", userId: person.id, ttlMs: LINK_TTL_MS });
      return { person, link: { url: linkUrl(origin, token), expiresAt } };
    },
  }),
  defineRoute({
    method: "patch", path: "/people/{id}", tag: "People", summary: "Give another role, disable or enable", access: { area: "access", role: "admin" },
    params: idParams, body: z.object({ role: roleSchema.optional(), disabled: z.boolean().optional(), reason: z.string().trim().max(1000).optional() }), answer: personSchema,
    handle: async ({ tx, principal, params, body }) => {
      let person: PersonView | undefined;
      if (body.role !== undefined) person = await setRole(tx, principal, { userId: params.id, role: body.role });
      if (body.disabled === true) person = await disablePerson(tx, principal, { userId: params.id, reason: body.reason });
      if (body.disabled === false) person = await enablePerson(tx, principal, { userId: params.id });
      if (person === undefined) throw failure("bad_request", "Give role or disabled.");
      return person;
    },
  }),
  defineRoute({
    method: "post", path: "/people/{id}/sign-in-link", tag: "People", summary: "A link for somebody who lost their password", access: { area: "access", role: "admin" },
    params: idParams, answer: link, status: 201,
    forget: (made) => ({ ...made, url: null }),
    handle: async ({ tx, principal, params, origin }) => {
      const { token, expiresAt } = await createSignInLink(tx, principal, { purpose: "sign_in", userId: params.id, ttlMs: LINK_TTL_MS });
      return { url: linkUrl(origin, token), expiresAt };
    },
  }),
];

function linkUrl(origin: string, token: string): string {
  return `${origin}/sign-in/link?token=${token}&choose=password`;
}
