import { type Simulation, type Tx } from "@flotilla/db";
import { recordAudit } from "../access/index.ts";
import { recordChange } from "../changes/index.ts";
import { requireRole, type Principal } from "../principal.ts";
import { SILENT_MS } from "./simulations.ts";
import type { SimulationFaults, SimulationOrder, SimulationReport } from "./types.ts";

const MAX_PROBLEM_CHARACTERS = 500;

/**
 * A simulator's one call, every few seconds: what its fleets do, and what it should run. It is given what it has, and what is wanted and nobody
 * has (or whose simulator was silent for fifteen seconds); a fleet that it reports and does not get back it must stop.
 */
export async function serveSimulations(tx: Tx, principal: Principal, input: { runner: string; reports: readonly SimulationReport[]; places: number }): Promise<{ run: SimulationOrder[] }> {
  requireRole(principal, "devices", "operator");
  const now = new Date();
  await tx.simulationRunner.upsert({ where: { id: input.runner }, create: { id: input.runner, seenAt: now }, update: { seenAt: now } });
  for (const report of input.reports) await noteReport(tx, principal, input.runner, report, now);
  const silentBefore = new Date(now.getTime() - SILENT_MS);
  const mine = await tx.simulation.findMany({ where: { wanted: "running", runnerId: input.runner, state: { not: "failed" } }, orderBy: { id: "asc" } });
  const free = Math.max(input.places - mine.length, 0);
  const open = free === 0 ? [] : await tx.simulation.findMany({
    where: { wanted: "running", state: { not: "failed" }, OR: [{ runnerId: null }, { runnerId: { not: input.runner }, heartbeatAt: { lt: silentBefore } }] },
    orderBy: { id: "asc" }, take: free,
  });
  const taken: Simulation[] = [];
  for (const row of open) {
    // Compare and set: of two simulators that ask at once one gets it.
    const { count } = await tx.simulation.updateMany({ where: { id: row.id, wanted: "running", runnerId: row.runnerId }, data: { runnerId: input.runner, heartbeatAt: now, state: "starting" } });
    if (count === 0) continue;
    await recordChange(tx, "simulation", row.id);
    taken.push(row);
  }
  return { run: [...mine, ...taken].map(orderOf) };
}

async function noteReport(tx: Tx, principal: Principal, runner: string, report: SimulationReport, now: Date): Promise<void> {
  const row = await tx.simulation.findUnique({ where: { id: report.id } });
  if (row === null || row.runnerId !== runner) return;
  const isOver = report.state === "stopped" || report.state === "failed";
  // A fleet that was started again while it stopped is a new one: only the end of the old one is heard.
  const state = row.wanted === "stopped" && !isOver ? "stopping" : row.wanted === "running" && report.state === "stopped" ? "waiting" : report.state;
  await tx.simulation.update({
    where: { id: row.id },
    data: {
      state, heartbeatAt: now, problem: report.problem?.slice(0, MAX_PROBLEM_CHARACTERS) ?? null,
      ...(report.numbers === undefined ? {} : { numbers: report.numbers }),
      ...(isOver ? { runnerId: null } : {}),
      ...(report.state === "running" && row.state !== "running" ? { startedAt: now } : {}),
    },
  });
  if (report.state === "failed") {
    await recordAudit(tx, principal, { action: "simulation.failed", objectKind: "simulation", objectId: row.id, objectName: row.name, detail: { problem: report.problem ?? null } });
  }
  await recordChange(tx, "simulation", row.id);
}

function orderOf(row: Simulation): SimulationOrder {
  return { id: row.id, name: row.name, scenario: row.scenario, devices: row.devices, seed: row.seed, faults: row.faults as SimulationFaults };
}
