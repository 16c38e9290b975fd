// Simulated fleets: what operators want, and what the simulators that run them report.
export type * from "./types.ts";
export { simulationScenarios } from "./scenarios.ts";
export { MAX_SIMULATED_DEVICES, createSimulation, ensureSimulation, getSimulation, listSimulations, setSimulationFaults, startSimulation, stopSimulation, type NewSimulation } from "./simulations.ts";
export { serveSimulations } from "./serve-store.ts";
