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

/** p95 of one model in one measuring mode: the last 24 hours, and the 24 before at the same hours. */
export type ModelLatency = {
  modelId: string; modelName: string; mode: string;
  stepSeconds: number;
  today: (number | null)[]; yesterday: (number | null)[];
  /** Over the last hour; null without samples. */
  p95Ms: number | null; p95BeforeMs: number | null; samples: number;
};

export type FleetTile = { fleet: Pick<FleetView, "id" | "name" | "query">; summary: DeviceSummary };

/** Everything the front page shows, in one answer. */
export type OverviewView = {
  attention: AttentionItem[];
  rollouts: RolloutView[];
  all: DeviceSummary;
  fleets: FleetTile[];
  latency: ModelLatency[];
  changes: AuditView[];
  /** First steps; each ticks itself. */
  checklist: { enrolled: boolean; uploaded: boolean; rolledOut: boolean };
};
