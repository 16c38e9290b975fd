import type { SimulationWish } from "@flotilla/db";
import type { Page } from "../page.ts";

/** What an operator injects into a simulated fleet, on top of its scenario; what is absent is not injected. */
export type SimulationFaults = {
  /** No device has a network. */
  outage?: boolean | undefined;
  /** So many of a hundred requests get no answer. */
  lossPercent?: number | undefined;
  /** Inferences take so many times longer. */
  slowFactor?: number | undefined;
  /** Each device loses power about so often, in seconds. */
  crashEverySeconds?: number | undefined;
  /** So many of a hundred devices fall silent. */
  silentPercent?: number | undefined;
  /** Every build that is installed on this device class crashes. */
  badClass?: string | undefined;
};

/** Percentiles in milliseconds; null without samples. */
export type SimulationQuantiles = { p50: number | null; p95: number | null; p99: number | null; max: number | null };

/** What a simulated fleet has done, as its simulator counts it. */
export type SimulationNumbers = {
  enrolled: number;
  online: number;
  elapsedMs: number;
  syncs: number;
  syncsPerSecond: number;
  syncLatencyMs: SimulationQuantiles;
  errors: Record<string, number>;
  installs: { succeeded: number; failed: number; rolledBack: number };
  windows: { produced: number; acked: number; dropped: number };
  inferences: { count: number; errors: number; latencyMs: SimulationQuantiles };
  crashes: number;
  cpuPercent: number;
  rssBytes: number;
};

/** `lost`: its simulator has not been heard of for a while. */
export type SimulationStateView = "waiting" | "starting" | "running" | "stopping" | "stopped" | "failed" | "lost";

export type SimulationView = {
  id: string;
  name: string;
  scenario: string;
  devices: number;
  seed: number;
  wanted: SimulationWish;
  state: SimulationStateView;
  problem: string | null;
  faults: SimulationFaults;
  numbers: SimulationNumbers | null;
  /** A label query that selects its devices. */
  query: string;
  heartbeatAt: string | null;
  startedAt: string | null;
  createdAt: string;
  createdByName: string;
};

/** A scenario that can be started from the dashboard. */
export type SimulationScenario = { name: string; title: string; text: string; devices: number; classes: string[] };

/** `runners`: simulator processes that are there to run what is wanted. */
export type SimulationPage = Page<SimulationView> & { runners: number };

/** What a simulator says of one fleet. */
export type SimulationReport = { id: string; state: "starting" | "running" | "stopping" | "stopped" | "failed"; problem?: string | undefined; numbers?: SimulationNumbers | undefined };

/** What a simulator should run now: everything else that it runs is to be stopped. */
export type SimulationOrder = { id: string; name: string; scenario: string; devices: number; seed: number; faults: SimulationFaults };
