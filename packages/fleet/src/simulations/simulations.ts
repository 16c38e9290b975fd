import { Prisma, type Simulation, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames, recordAudit } from "../access/index.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { pageOf, pageSize } from "../page-query.ts";
import type { PageInput } from "../page.ts";
import { requireRole, type Principal } from "../principal.ts";
import { simulationScenarios } from "./scenarios.ts";
import type { SimulationFaults, SimulationNumbers, SimulationPage, SimulationStateView, SimulationView } from "./types.ts";

/** From the dashboard; more by `npm run sim`, on a machine of its own. */
export const MAX_SIMULATED_DEVICES = 10_000;
/** Over all that run: they share a process with each other, and a machine with the platform. */
const MAX_RUNNING = 10;
const MAX_NAME_LENGTH = 64;
/** A simulator that was silent for so long has lost its fleets. */
export const SILENT_MS = 15_000;

export type NewSimulation = { name?: string | undefined; scenario: string; devices: number; seed?: number | undefined };

/** Wants a new simulated fleet to run. Errors: bad_request, name_taken, conflict (too many run). */
export async function createSimulation(tx: Tx, principal: Principal, input: NewSimulation): Promise<SimulationView> {
  requireRole(principal, "devices", "operator");
  const { devices, scenario } = checked(input);
  await refuseTooMany(tx);
  const id = newId("sim");
  const name = input.name?.trim() || `${scenario} ${id.slice(-4)}`;
  if (name.length > MAX_NAME_LENGTH) throw bad(`A simulation's name has 1 to ${MAX_NAME_LENGTH} characters.`);
  if ((await tx.simulation.findUnique({ where: { name }, select: { id: true } })) !== null) throw new FleetError("name_taken", { public: `There is a simulation named "${name}" already.` });
  const row = await tx.simulation.create({ data: { id, name, scenario, devices, seed: input.seed ?? 1, createdById: principal.id } });
  return await changed(tx, principal, "simulation.create", row, { scenario, devices, seed: row.seed });
}

/** The one simulation of this name, for a launcher: made when it is not there; wanted to run, with this number of devices. Faults stay. */
export async function ensureSimulation(tx: Tx, principal: Principal, input: NewSimulation & { name: string }): Promise<{ id: string }> {
  requireRole(principal, "devices", "operator");
  const { devices } = checked(input);
  const found = await tx.simulation.findUnique({ where: { name: input.name } });
  if (found === null) return { id: (await createSimulation(tx, principal, input)).id };
  if (found.devices === devices && found.wanted === "running" && found.state !== "failed") return { id: found.id };
  const next = await tx.simulation.update({ where: { id: found.id }, data: { devices, wanted: "running", state: "waiting", problem: null, runnerId: null } });
  await changed(tx, principal, "simulation.start", next, { devices });
  return { id: found.id };
}

/** Wants it to run again, with the same devices. Errors: not_found, conflict. */
export async function startSimulation(tx: Tx, principal: Principal, input: { id: string }): Promise<SimulationView> {
  requireRole(principal, "devices", "operator");
  const row = await existing(tx, input.id);
  if (row.wanted === "running" && row.state !== "failed") return await viewOne(tx, row);
  await refuseTooMany(tx);
  const next = await tx.simulation.update({ where: { id: row.id }, data: { wanted: "running", state: "waiting", problem: null, numbers: Prisma.DbNull, faults: {}, runnerId: null } });
  return await changed(tx, principal, "simulation.start", next, {});
}

/** Wants it to stop: its devices fall silent and stay listed. Errors: not_found. */
export async function stopSimulation(tx: Tx, principal: Principal, input: { id: string; reason?: string | undefined }): Promise<SimulationView> {
  requireRole(principal, "devices", "operator");
  const row = await existing(tx, input.id);
  if (row.wanted === "stopped") return await viewOne(tx, row);
  const isHeld = row.state === "starting" || row.state === "running";
  const next = await tx.simulation.update({ where: { id: row.id }, data: { wanted: "stopped", state: isHeld ? "stopping" : "stopped", faults: {} } });
  return await changed(tx, principal, "simulation.stop", next, {}, input.reason);
}

/** Injects these faults in place of those before; an empty object clears them. Errors: not_found, bad_request, conflict when it does not run. */
export async function setSimulationFaults(tx: Tx, principal: Principal, input: { id: string; faults: SimulationFaults }): Promise<SimulationView> {
  requireRole(principal, "devices", "operator");
  const row = await existing(tx, input.id);
  if (row.wanted !== "running") throw new FleetError("conflict", { public: `"${row.name}" does not run; faults can be injected while it does.` });
  const faults = checkedFaults(input.faults, row.scenario);
  const next = await tx.simulation.update({ where: { id: row.id }, data: { faults } });
  return await changed(tx, principal, "simulation.faults", next, faults);
}

/** Simulations, newest first. */
export async function listSimulations(tx: Tx, principal: Principal, input: PageInput): Promise<SimulationPage> {
  requireRole(principal, "devices", "viewer");
  const limit = pageSize(input);
  const [rows, runners] = await Promise.all([
    tx.simulation.findMany({ ...(input.cursor ? { where: { id: { lt: input.cursor } } } : {}), orderBy: { id: "desc" }, take: limit + 1 }),
    tx.simulationRunner.count({ where: { seenAt: { gt: new Date(Date.now() - SILENT_MS) } } }),
  ]);
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  return { ...pageOf(rows, limit, (row) => row.id, (row) => viewOf(row, names)), runners };
}

/** One simulation. Errors: not_found. */
export async function getSimulation(tx: Tx, principal: Principal, input: { id: string }): Promise<SimulationView> {
  requireRole(principal, "devices", "viewer");
  return await viewOne(tx, await existing(tx, input.id));
}

function checked(input: NewSimulation): { scenario: string; devices: number } {
  if (!simulationScenarios.some((known) => known.name === input.scenario)) throw bad(`There is no scenario "${input.scenario}"; there are ${simulationScenarios.map((known) => known.name).join(", ")}.`);
  if (!Number.isInteger(input.devices) || input.devices < 1 || input.devices > MAX_SIMULATED_DEVICES) throw bad(`A simulation has 1 to ${MAX_SIMULATED_DEVICES} devices; more by npm run sim.`);
  if (input.seed !== undefined && !Number.isInteger(input.seed)) throw bad("A seed is a whole number.");
  return { scenario: input.scenario, devices: input.devices };
}

/** Only what is injected stays: false, zero and "once as fast" inject nothing. */
function checkedFaults(faults: SimulationFaults, scenario: string): SimulationFaults {
  const { outage, lossPercent, slowFactor, crashEverySeconds, silentPercent, badClass } = faults;
  for (const [name, percent] of [["lossPercent", lossPercent], ["silentPercent", silentPercent]] as const) {
    if (percent !== undefined && !(percent >= 0 && percent <= 100)) throw bad(`${name} is a number from 0 to 100.`);
  }
  if (slowFactor !== undefined && !(slowFactor > 0 && slowFactor <= 1_000)) throw bad("slowFactor is a number above 0, up to 1,000.");
  if (crashEverySeconds !== undefined && !(crashEverySeconds === 0 || (crashEverySeconds >= 5 && crashEverySeconds <= 86_400))) throw bad("crashEverySeconds is 0 or a number from 5 to 86,400.");
  const classes = simulationScenarios.find((known) => known.name === scenario)?.classes ?? [];
  if (badClass !== undefined && badClass !== "" && !classes.includes(badClass)) throw bad(`"${badClass}" is no class of this simulation; there are ${classes.join(", ")}.`);
  return {
    ...(outage === true && { outage }), ...(lossPercent && { lossPercent }), ...(slowFactor !== undefined && slowFactor !== 1 && { slowFactor }),
    ...(crashEverySeconds && { crashEverySeconds }), ...(silentPercent && { silentPercent }), ...(badClass && { badClass }),
  };
}

async function refuseTooMany(tx: Tx): Promise<void> {
  const running = await tx.simulation.count({ where: { wanted: "running" } });
  if (running >= MAX_RUNNING) throw new FleetError("conflict", { public: `${running} simulations run already; stop one first.` });
}

function bad(sentence: string): FleetError {
  return new FleetError("bad_request", { public: sentence });
}

async function existing(tx: Tx, id: string): Promise<Simulation> {
  const row = await tx.simulation.findUnique({ where: { id } });
  if (row === null) throw new FleetError("not_found", { public: "There is no simulation with this id." });
  return row;
}

async function changed(tx: Tx, principal: Principal, action: string, row: Simulation, detail: unknown, reason?: string): Promise<SimulationView> {
  await recordAudit(tx, principal, { action, objectKind: "simulation", objectId: row.id, objectName: row.name, detail, reason });
  await recordChange(tx, "simulation", row.id);
  return await viewOne(tx, row);
}

async function viewOne(tx: Tx, row: Simulation): Promise<SimulationView> {
  return viewOf(row, await actorNames(tx, [row.createdById]));
}

function viewOf(row: Simulation, names: ReadonlyMap<string, string>): SimulationView {
  return {
    id: row.id, name: row.name, scenario: row.scenario, devices: row.devices, seed: row.seed, wanted: row.wanted, state: stateOf(row), problem: row.problem,
    faults: row.faults as SimulationFaults, numbers: row.numbers as SimulationNumbers | null, query: `simulation=${row.id}`,
    heartbeatAt: row.heartbeatAt?.toISOString() ?? null, startedAt: row.startedAt?.toISOString() ?? null, createdAt: row.createdAt.toISOString(),
    createdByName: names.get(row.createdById) ?? row.createdById,
  };
}

function stateOf(row: Simulation): SimulationStateView {
  const isHeld = row.state === "starting" || row.state === "running" || row.state === "stopping";
  const isSilent = row.heartbeatAt === null || Date.now() - row.heartbeatAt.getTime() > SILENT_MS;
  if (!isHeld || !isSilent) return row.state;
  return row.wanted === "stopped" ? "stopped" : "lost";
}
