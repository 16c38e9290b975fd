import { z } from "@hono/zod-openapi";
import { deviceSummary, listAudit, listFleets, listJobs, listModels, listRollouts, overviewFacts, type AuditView, type JobView, type Principal, type RolloutView } from "@flotilla/fleet";
import type { Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { attentionItems } from "../../features/overview/attention.ts";
import type { OverviewView } from "../../features/overview/types.ts";
import { defineRoute, type Route } from "./define-route.ts";
import { deviceSummarySchema } from "./device-schemas.ts";
import { rolloutSchema } from "./rollout-schemas.ts";

/** Tiles and lists are cut here; the pages behind them show everything. */
const FLEET_TILES = 8;
const MODELS = 6;
const CHANGES = 10;
/** A failed job is news for this long. */
const JOB_NEWS_MS = 24 * 3_600_000;

const overviewSchema = z.object({
  attention: z.array(z.object({
    key: z.string(), kind: z.enum(["rollout_halted", "rollout_paused", "job_failed", "job_quarantined", "version_rejected", "key_change", "devices_silent"]),
    title: z.string(), sentence: z.string(), devices: z.number(), since: z.string().nullable(), href: z.string(), action: z.string(),
  })),
  rollouts: z.array(rolloutSchema), all: deviceSummarySchema,
  fleets: z.array(z.object({ fleet: z.object({ id: z.string(), name: z.string(), query: z.string() }), summary: deviceSummarySchema })),
  models: z.array(z.object({ id: z.string(), name: z.string(), runningDevices: z.number() })),
  changes: z.array(z.object({
    id: z.string(), at: z.string(), actorKind: z.string(), actorId: z.string(), actorName: z.string(), action: z.string(), objectKind: z.string(), objectId: z.string(),
    objectName: z.string().nullable(), reason: z.string().nullable(), detail: z.unknown(), requestId: z.string().nullable(),
  })),
  checklist: z.object({ enrolled: z.boolean(), uploaded: z.boolean(), rolledOut: z.boolean() }),
}).openapi("Overview");

/** The front page in one answer. */
export const overviewRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/overview", tag: "Overview", summary: "What needs attention, what is moving, and the state of the fleets", access: { area: "devices", role: "viewer" },
    answer: overviewSchema, handle: ({ tx, principal }) => readOverview(tx, principal),
  }),
];

/** Everything the front page shows. A fixed number of queries per fleet tile. */
export async function readOverview(tx: Tx, principal: Principal): Promise<OverviewView> {
  const [open, failed, quarantined, facts, all, fleets, models, changes] = await Promise.all([
    openRollouts(tx, principal), recentJobs(tx, principal, "failed"), recentJobs(tx, principal, "quarantined"), overviewFacts(tx, principal),
    deviceSummary(tx, principal, {}), listFleets(tx, principal, { limit: FLEET_TILES }), listModels(tx, principal, { limit: 200 }), lastChanges(tx, principal),
  ]);
  const tiles = await Promise.all(fleets.items.map(async ({ id, name, query }) => ({
    fleet: { id, name, query },
    // A fleet of everything has been counted already; counting takes long where there are many devices.
    summary: query === "" ? all : await deviceSummary(tx, principal, { fleetId: id }),
  })));
  return {
    attention: attentionItems({ rollouts: open, jobs: [...quarantined, ...failed], rejected: facts.rejectedVersions, keyChanges: facts.keyChanges, summary: all }),
    rollouts: open, all, fleets: tiles, changes,
    models: models.items.filter((model) => model.runningDevices > 0).toSorted((a, b) => b.runningDevices - a.runningDevices).slice(0, MODELS).map(({ id, name, runningDevices }) => ({ id, name, runningDevices })),
    checklist: facts.firstSteps,
  };
}

async function openRollouts(tx: Tx, principal: Principal): Promise<RolloutView[]> {
  const states = ["halted", "paused", "rolling_back", "running"] as const;
  const pages = await Promise.all(states.map((state) => listRollouts(tx, principal, { state, limit: 20 })));
  return pages.flatMap((page) => page.items);
}

async function recentJobs(tx: Tx, principal: Principal, state: "failed" | "quarantined"): Promise<JobView[]> {
  const page = await listJobs(tx, principal, { state, limit: 10 });
  const since = Date.now() - JOB_NEWS_MS;
  return page.items.filter((job) => Date.parse(job.finishedAt ?? job.createdAt) > since);
}

/** Somebody whose key is not scoped to the audit still gets the rest of the page. */
async function lastChanges(tx: Tx, principal: Principal): Promise<AuditView[]> {
  try {
    return (await listAudit(tx, principal, { limit: CHANGES })).items;
  } catch (error) {
    if (error instanceof FleetError && error.code === "forbidden") return [];
    throw error;
  }
}
