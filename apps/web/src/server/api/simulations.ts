import { z } from "@hono/zod-openapi";
import {
  MAX_SIMULATED_DEVICES, createSimulation, getSimulation, listSimulations, serveSimulations, setSimulationFaults, simulationScenarios, startSimulation, stopSimulation,
} from "@flotilla/fleet";
import { defineRoute, idParams, pageQuery, reasonBody, type Route } from "./define-route.ts";
import { simulationFaultsSchema, simulationOrdersSchema, simulationPageSchema, simulationReportSchema, simulationScenariosSchema, simulationSchema } from "./simulation-schemas.ts";

const reads = { area: "devices", role: "viewer" } as const;
const changes = { area: "devices", role: "operator" } as const;

/** Simulated fleets: what people want, and the one call of the simulators that run them. */
export const simulationRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/simulations", tag: "Simulations", summary: "Simulated fleets, newest first", access: reads,
    query: pageQuery, answer: simulationPageSchema,
    handle: ({ tx, principal, query }) => listSimulations(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/simulations", tag: "Simulations", summary: "Start a simulated fleet", access: changes,
    body: z.object({
      name: z.string().trim().min(1).max(64).optional(), scenario: z.string().max(64).openapi({ example: "flaky-4g" }), devices: z.number().int().min(1).max(MAX_SIMULATED_DEVICES),
      seed: z.number().int().min(-2_147_483_648).max(2_147_483_647).optional().openapi({ description: "Same seed, same fleet and same luck" }),
    }),
    answer: simulationSchema, status: 201,
    handle: ({ tx, principal, body }) => createSimulation(tx, principal, body),
  }),
  defineRoute({
    method: "get", path: "/simulations/scenarios", tag: "Simulations", summary: "What can be started", access: "signed_in",
    answer: simulationScenariosSchema,
    handle: () => Promise.resolve({ items: [...simulationScenarios] }),
  }),
  defineRoute({
    method: "post", path: "/simulations/serve", tag: "Simulations", summary: "For simulators: report what runs, hear what should run", access: changes,
    body: z.object({ runner: z.string().min(8).max(64), reports: z.array(simulationReportSchema).max(64), places: z.number().int().min(0).max(64) }), answer: simulationOrdersSchema,
    handle: ({ tx, principal, body }) => serveSimulations(tx, principal, body),
  }),
  defineRoute({
    method: "get", path: "/simulations/{id}", tag: "Simulations", summary: "One simulated fleet", access: reads,
    params: idParams, answer: simulationSchema,
    handle: ({ tx, principal, params }) => getSimulation(tx, principal, { id: params.id }),
  }),
  defineRoute({
    method: "post", path: "/simulations/{id}/start", tag: "Simulations", summary: "Start a stopped or failed one again, with the same devices", access: changes,
    params: idParams, answer: simulationSchema,
    handle: ({ tx, principal, params }) => startSimulation(tx, principal, { id: params.id }),
  }),
  defineRoute({
    method: "post", path: "/simulations/{id}/stop", tag: "Simulations", summary: "Stop it; its devices fall silent and stay listed", access: changes,
    params: idParams, body: reasonBody, answer: simulationSchema,
    handle: ({ tx, principal, params, body }) => stopSimulation(tx, principal, { id: params.id, reason: body.reason }),
  }),
  defineRoute({
    method: "post", path: "/simulations/{id}/faults", tag: "Simulations", summary: "Inject these faults in place of those before; none clears them", access: changes,
    params: idParams, body: z.object({ faults: simulationFaultsSchema }), answer: simulationSchema,
    handle: ({ tx, principal, params, body }) => setSimulationFaults(tx, principal, { id: params.id, faults: body.faults }),
  }),
];
