import { driverCode, sqlOf, type Fleet, type Sql, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames, recordAudit } from "../access/index.ts";
import { recordChange } from "../changes/index.ts";
import { keptSummaries, parseSelector } from "../devices/index.ts";
import { newId } from "../id.ts";
import { pageOf, pageSize } from "../page-query.ts";
import type { Page, PageInput } from "../page.ts";
import { requireRole, type Principal } from "../principal.ts";
import { bumpFleetVersion, countByQuery, deviceSample, rolloutsUnderWay } from "./store.ts";
import type { FleetPreview, FleetView } from "./types.ts";

export type FleetInput = { name: string; query: string };

const MAX_NAME_LENGTH = 64;

/** Makes a fleet. Errors: bad_request (name), selector_invalid (with the position), name_taken. */
export async function createFleet(tx: Tx, principal: Principal, input: FleetInput): Promise<FleetView> {
  requireRole(principal, "fleets", "operator");
  const name = checkedName(input.name);
  const query = checkedQuery(input.query);
  await refuseTakenName(tx, name, null);
  const fleet = await tx.fleet.create({ data: { id: newId("flt"), name, query, createdById: principal.id } }).catch(asNameTaken(name));
  await recordFleetChange(tx, principal, "fleet.create", fleet, { query });
  return viewOne(tx, fleet);
}

/** Changes name or query. Rollouts keep the query they were made with. Errors as for `createFleet`, not_found. */
export async function updateFleet(tx: Tx, principal: Principal, input: { id: string; name?: string | undefined; query?: string | undefined }): Promise<FleetView> {
  requireRole(principal, "fleets", "operator");
  const before = await existing(tx, input.id);
  const name = input.name === undefined ? before.name : checkedName(input.name);
  const query = input.query === undefined ? before.query : checkedQuery(input.query);
  if (name === before.name && query === before.query) return viewOne(tx, before);
  await refuseTakenName(tx, name, before.id);
  const fleet = await tx.fleet.update({ where: { id: before.id }, data: { name, query } }).catch(asNameTaken(name));
  await recordFleetChange(tx, principal, "fleet.update", fleet, { from: { name: before.name, query: before.query }, to: { name, query } });
  return viewOne(tx, fleet);
}

/** Deletes a fleet; its devices stay. Errors: not_found, conflict while a rollout on it is planned or under way. */
export async function deleteFleet(tx: Tx, principal: Principal, input: { id: string }): Promise<void> {
  requireRole(principal, "fleets", "operator");
  const fleet = await existing(tx, input.id);
  const rollouts = await rolloutsUnderWay(sqlOf(tx), fleet.id);
  if (rollouts.length > 0) {
    throw new FleetError("conflict", { public: `The fleet ${fleet.name} is used by ${rollouts.map((r) => `"${r.name}" (${r.state})`).join(", ")}. Cancel or finish that first.` });
  }
  await tx.fleet.delete({ where: { id: fleet.id } });
  await recordFleetChange(tx, principal, "fleet.delete", fleet, { query: fleet.query });
}

/** Fleets, newest first, with the devices that match right now. */
export async function listFleets(tx: Tx, principal: Principal, input: PageInput): Promise<Page<FleetView>> {
  requireRole(principal, "fleets", "viewer");
  const limit = pageSize(input);
  const rows = await tx.fleet.findMany({ ...(input.cursor ? { where: { id: { lt: input.cursor } } } : {}), orderBy: { id: "desc" }, take: limit + 1 });
  const views = new Map((await viewsOf(tx, rows.slice(0, limit))).map((view) => [view.id, view]));
  return pageOf(rows, limit, (row) => row.id, (row) => views.get(row.id) as FleetView);
}

/** One fleet. Errors: not_found. */
export async function getFleet(tx: Tx, principal: Principal, input: { id: string }): Promise<FleetView> {
  requireRole(principal, "fleets", "viewer");
  return viewOne(tx, await existing(tx, input.id));
}

/** What a query matches right now. Errors: selector_invalid (with the position). */
export async function previewFleet(tx: Tx, principal: Principal, input: { query: string }): Promise<FleetPreview> {
  requireRole(principal, "fleets", "viewer");
  const query = checkedQuery(input.query);
  const sql = sqlOf(tx);
  const [counts] = await countByQuery(sql, [query]);
  return { query, devices: counts?.devices ?? 0, byClass: counts?.byClass ?? [], sample: await deviceSample(sql, query) };
}

async function recordFleetChange(tx: Tx, principal: Principal, action: string, fleet: Fleet, detail: unknown): Promise<void> {
  await bumpFleetVersion(sqlOf(tx));
  await recordAudit(tx, principal, { action, objectKind: "fleet", objectId: fleet.id, objectName: fleet.name, detail });
  await recordChange(tx, "fleet", fleet.id);
}

function checkedName(text: string): string {
  const name = text.trim();
  if (name.length < 1 || name.length > MAX_NAME_LENGTH) throw new FleetError("bad_request", { public: `A fleet's name has 1 to ${MAX_NAME_LENGTH} characters.` });
  return name;
}

function checkedQuery(text: string): string {
  const query = text.trim();
  parseSelector(query);
  return query;
}

async function refuseTakenName(tx: Tx, name: string, ownId: string | null): Promise<void> {
  const holder = await tx.fleet.findUnique({ where: { name }, select: { id: true } });
  if (holder !== null && holder.id !== ownId) throw nameTaken(name);
}

/** Two people at once: the unique key decides, and the second hears the same sentence. */
function asNameTaken(name: string): (error: unknown) => never {
  return (error) => {
    throw driverCode(error) === "23505" || driverCode(error) === "P2002" ? nameTaken(name) : error;
  };
}

function nameTaken(name: string): FleetError {
  return new FleetError("name_taken", { public: `There is a fleet named "${name}" already.` });
}

async function existing(tx: Tx, id: string): Promise<Fleet> {
  const fleet = await tx.fleet.findUnique({ where: { id } });
  if (fleet === null) throw new FleetError("not_found", { public: "There is no fleet with this id." });
  return fleet;
}

async function viewOne(tx: Tx, fleet: Fleet): Promise<FleetView> {
  const [view] = await viewsOf(tx, [fleet]);
  return view as FleetView;
}

/** How many devices match each query, in the order of the queries. Large fleets are counted every few seconds by a worker. */
async function countsOf(sql: Sql, queries: readonly string[]): Promise<{ devices: number; simulatedDevices: number }[]> {
  const kept = await keptSummaries(sql, queries);
  const rest = queries.filter((query) => !kept.has(query));
  const counted = await countByQuery(sql, rest);
  return queries.map((query) => {
    const summary = kept.get(query);
    if (summary === undefined) return counted[rest.indexOf(query)] ?? { devices: 0, simulatedDevices: 0 };
    return { devices: summary.total, simulatedDevices: summary.byClass.reduce((sum, c) => (c.simulated ? sum + c.devices : sum), 0) };
  });
}

async function viewsOf(tx: Tx, fleets: readonly Fleet[]): Promise<FleetView[]> {
  if (fleets.length === 0) return [];
  const counts = await countsOf(sqlOf(tx), fleets.map((fleet) => fleet.query));
  const names = await actorNames(tx, fleets.map((fleet) => fleet.createdById));
  return fleets.map((fleet, index) => ({
    id: fleet.id, name: fleet.name, query: fleet.query,
    devices: counts[index]?.devices ?? 0, simulatedDevices: counts[index]?.simulatedDevices ?? 0,
    createdAt: fleet.createdAt.toISOString(), createdByName: names.get(fleet.createdById) ?? fleet.createdById,
  }));
}
