import { z } from "@hono/zod-openapi";
import { createBuild, getBuild, listBuilds } from "@flotilla/fleet";
import { buildSchema } from "./build-schemas.ts";
import { defineRoute, idParams, pageOf, pageQuery, type Route } from "./define-route.ts";

const newBuild = z.object({
  name: z.string().trim().min(1, "a build needs a name").max(100, "a name has at most 100 characters"),
  variants: z.array(z.object({
    versionId: z.string().min(1).max(64),
    classes: z.array(z.string().min(1).max(63)).max(64).optional().openapi({ description: "Device classes that take this variant; left out or empty: any" }),
  })).min(1, "a build has at least one model version").max(16, "a build has at most 16 variants").openapi({ description: "In order of preference: a device takes the first that fits it" }),
  settings: z.object({
    intraOpThreads: z.number().int().min(1).max(64).optional(),
    executionProviders: z.array(z.string().max(32)).min(1).max(4).optional(),
  }).optional(),
});

/** Builds: what can be shipped. */
export const buildRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/builds", tag: "Builds", summary: "Builds, newest first", access: { area: "builds", role: "viewer" },
    query: pageQuery.extend({ state: z.enum(["pending", "ready", "failed"]).optional() }), answer: pageOf(buildSchema),
    handle: ({ tx, principal, query }) => listBuilds(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/builds", tag: "Builds", summary: "Make a build of ready model versions; a job writes its manifest", access: { area: "builds", role: "operator" },
    body: newBuild, answer: buildSchema, status: 201,
    handle: ({ tx, principal, body }) => createBuild(tx, principal, body),
  }),
  defineRoute({
    method: "get", path: "/builds/{id}", tag: "Builds", summary: "One build with its manifest", access: { area: "builds", role: "viewer" },
    params: idParams, answer: buildSchema,
    handle: ({ tx, principal, params }) => getBuild(tx, principal, params.id),
  }),
];
