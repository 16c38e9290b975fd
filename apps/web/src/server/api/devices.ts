import { z } from "@hono/zod-openapi";
import { approveKeyChange, denyKeyChange, deviceSummary, getDevice, listDevices, pinDevice, revokeDevice, setDeviceLabels } from "@flotilla/fleet";
import { labelsSchema } from "@flotilla/protocol";
import { defineRoute, idParams, pageOf, pageQuery, reasonBody, type Route, type RouteContext } from "./define-route.ts";
import { deviceRowSchema, deviceSummarySchema, deviceViewSchema } from "./device-schemas.ts";
import { selectorSchema } from "./fleets.ts";

const listQuery = pageQuery.extend({
  query: selectorSchema.optional(),
  search: z.string().trim().max(200).optional().openapi({ description: "Part of a name, or a whole id" }),
  presence: z.enum(["reporting", "late", "silent", "never"]).optional(),
  class: z.string().max(63).optional(),
  build: z.string().max(64).optional().openapi({ description: "Id of the build that devices attest to run" }),
  drift: z.enum(["true", "false"]).optional().openapi({ description: "true: wanted and actual build differ" }),
});

const devicePatch = z.object({ labels: labelsSchema.optional(), pinned: z.boolean().optional(), reason: z.string().trim().max(1000).optional() })
  .refine((body) => body.labels !== undefined || body.pinned !== undefined, "send labels or pinned");

type OnDevice = Pick<RouteContext<typeof idParams, undefined, undefined>, "tx" | "principal" | "params">;

/** The device as it is after the change, so that the page shows the server's word. */
function afterwards({ tx, principal, params }: OnDevice) {
  return getDevice(tx, principal, params.id);
}

/** Devices: find, look, label, pin, revoke, decide on keys. */
export const deviceRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/devices", tag: "Devices", summary: "Devices, newest enrolment first", access: { area: "devices", role: "viewer" },
    query: listQuery, answer: pageOf(deviceRowSchema),
    handle: ({ tx, principal, query: { class: className, build: buildId, drift, ...rest } }) =>
      listDevices(tx, principal, { ...rest, className, buildId, drift: drift === undefined ? undefined : drift === "true" }),
  }),
  defineRoute({
    method: "get", path: "/devices/summary", tag: "Devices", summary: "Counts by presence, class and build", access: { area: "devices", role: "viewer" },
    query: z.object({ query: selectorSchema.optional(), fleet: z.string().max(64).optional() }), answer: deviceSummarySchema,
    handle: ({ tx, principal, query }) => deviceSummary(tx, principal, { query: query.query, fleetId: query.fleet }),
  }),
  defineRoute({
    method: "get", path: "/devices/{id}", tag: "Devices", summary: "One device: wanted, actual, why not", access: { area: "devices", role: "viewer" },
    params: idParams, answer: deviceViewSchema, handle: afterwards,
  }),
  defineRoute({
    method: "patch", path: "/devices/{id}", tag: "Devices", summary: "Set the labels people give (the device's own stay), or pin it", access: { area: "devices", role: "operator" },
    params: idParams, body: devicePatch, answer: deviceViewSchema,
    handle: async (context) => {
      const { tx, principal, params, body } = context;
      if (body.labels !== undefined) await setDeviceLabels(tx, principal, { deviceId: params.id, labels: body.labels, reason: body.reason });
      if (body.pinned !== undefined) await pinDevice(tx, principal, { deviceId: params.id, pinned: body.pinned });
      return afterwards(context);
    },
  }),
  defineRoute({
    method: "post", path: "/devices/{id}/revoke", tag: "Devices", summary: "Withdraw the device's credential", access: { area: "devices", role: "operator" },
    params: idParams, body: reasonBody, answer: deviceViewSchema,
    handle: async (context) => {
      await revokeDevice(context.tx, context.principal, { deviceId: context.params.id, reason: context.body.reason });
      return afterwards(context);
    },
  }),
  ...(["approve", "deny"] as const).map((decision) =>
    defineRoute({
      method: "post", path: `/devices/{id}/key-change/${decision}`, tag: "Devices", summary: decision === "approve" ? "Let the device go on with its new key" : "Refuse the new key", access: { area: "devices", role: "admin" },
      params: idParams, body: reasonBody, answer: deviceViewSchema,
      handle: async (context) => {
        const decide = decision === "approve" ? approveKeyChange : denyKeyChange;
        await decide(context.tx, context.principal, { deviceId: context.params.id, reason: context.body.reason });
        return afterwards(context);
      },
    })),
];
