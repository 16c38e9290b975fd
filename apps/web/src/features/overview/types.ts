import type { AuditView, DeviceSummary, FleetView, RolloutView } from "@flotilla/fleet";

export type AttentionKind = "rollout_halted" | "rollout_paused" | "job_failed" | "job_quarantined" | "version_rejected" | "key_change" | "devices_silent";

/** One thing that a person should look at, with what to do about it. */
export type AttentionItem = {
  /** Stable while the trouble lasts. */
  key: string;
  kind: AttentionKind;
  title: string;
  /** Why, in one sentence. */
  sentence: string;
  /** Devices it concerns; 0 where it concerns none yet. */
  devices: number;
  since: string | null;
  /** Where it can be dealt with, and the words on the link. */
  href: string;
  action: string;
};

export type FleetTile = { fleet: Pick<FleetView, "id" | "name" | "query">; summary: DeviceSummary };

/** Everything the front page shows, in one answer. */
export type OverviewView = {
  attention: AttentionItem[];
  rollouts: RolloutView[];
  all: DeviceSummary;
  fleets: FleetTile[];
  /** Models that run somewhere, most devices first: the page asks their latency apart, so that it need not wait for it. */
  models: { id: string; name: string; runningDevices: number }[];
  changes: AuditView[];
  /** First steps; each ticks itself. */
  checklist: { enrolled: boolean; uploaded: boolean; rolledOut: boolean };
};
