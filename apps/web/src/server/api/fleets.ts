import { z } from "@hono/zod-openapi";
import { createFleet, deleteFleet, getFleet, listFleets, previewFleet, updateFleet } from "@flotilla/fleet";
import { defineRoute, idParams, pageOf, pageQuery, type Route } from "./define-route.ts";
import { fleetPreviewSchema, fleetSchema } from "./device-schemas.ts";

const nameSchema = z.string().trim().min(1, "a fleet needs a name").max(100, "a name has at most 100 characters");
/** A Kubernetes-style label selector; what it means and where it is wrong is decided by packages/fleet. */
export const selectorSchema = z.string().max(2000, "a query has at most 2,000 characters").openapi({ example: "class=pi4,site!=lab,tier in (edge,gw)", description: "Kubernetes-style label selector; empty selects every device" });

/** Fleets: label queries over devices. */
export const fleetRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/fleets", tag: "Fleets", summary: "Fleets, newest first", access: { area: "fleets", role: "viewer" },
    query: pageQuery, answer: pageOf(fleetSchema),
    handle: ({ tx, principal, query }) => listFleets(tx, principal, query),
  }),
  defineRoute({
    method: "get", path: "/fleets/preview", tag: "Fleets", summary: "What a query selects right now", access: { area: "fleets", role: "viewer" },
    query: z.object({ query: selectorSchema.default("") }), answer: fleetPreviewSchema,
    handle: ({ tx, principal, query }) => previewFleet(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/fleets", tag: "Fleets", summary: "Name a label query", access: { area: "fleets", role: "operator" },
    body: z.object({ name: nameSchema, query: selectorSchema }), answer: fleetSchema, status: 201,
    handle: ({ tx, principal, body }) => createFleet(tx, principal, body),
  }),
  defineRoute({
    method: "get", path: "/fleets/{id}", tag: "Fleets", summary: "One fleet", access: { area: "fleets", role: "viewer" },
    params: idParams, answer: fleetSchema,
    handle: ({ tx, principal, params }) => getFleet(tx, principal, { id: params.id }),
  }),
  defineRoute({
    method: "patch", path: "/fleets/{id}", tag: "Fleets", summary: "Rename a fleet or change its query; rollouts that exist keep theirs", access: { area: "fleets", role: "operator" },
    params: idParams, body: z.object({ name: nameSchema.optional(), query: selectorSchema.optional() }).refine((body) => body.name !== undefined || body.query !== undefined, "send a name or a query"), answer: fleetSchema,
    handle: ({ tx, principal, params, body }) => updateFleet(tx, principal, { id: params.id, ...body }),
  }),
  defineRoute({
    method: "delete", path: "/fleets/{id}", tag: "Fleets", summary: "Delete a fleet that no open rollout uses", access: { area: "fleets", role: "operator" },
    params: idParams, answer: z.object({ deleted: z.literal(true) }),
    handle: async ({ tx, principal, params }) => {
      await deleteFleet(tx, principal, { id: params.id });
      return { deleted: true as const };
    },
  }),
];
