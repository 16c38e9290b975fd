import type { DeviceClass, ResourceReport, SlotReport } from "@flotilla/protocol";

/**
 * One presence rule for the whole product, computed from the last sync only:
 * reporting < 3 × interval ≤ late < 10 × interval ≤ silent; never = enrolled, has not synced.
 */
export type Presence = "reporting" | "late" | "silent" | "never";

export type DeviceRow = {
  id: string; name: string; className: string; arch: string; simulated: boolean; labels: Record<string, string>;
  presence: Presence; lastSeenAt: string | null;
  wantedBuild: { id: string; name: string } | null; actualBuild: { id: string; name: string } | null;
  /** wanted ≠ actual */
  drift: boolean;
  phase: string;
  state: "active" | "revoked";
  /** Over the last hour; null without samples. */
  p95Ms: number | null; errors: number | null;
};

export type DeviceView = DeviceRow & {
  class: DeviceClass; pinned: boolean; enrolledAt: string; agentVersion: string; bootId: string | null;
  phaseDetail: string | null; wantedSince: string | null; actualSince: string | null;
  /** One sentence: why actual is not wanted; null when they agree. */
  whyNot: string | null;
  runningSha256: string | null; runningVersionId: string | null;
  slots: SlotReport[]; resources: ResourceReport | null;
  deployments: { id: string; rolloutId: string; rolloutName: string; direction: string; state: string; failureCode: string | null; failureDetail: string | null; updatedAt: string }[];
  keyChange: { id: string; createdAt: string } | null;
  telemetry: { storedWindows: number; droppedWindows: number };
};

/** Counts for overview tiles and facets, by one fleet (or all devices). */
export type DeviceSummary = {
  total: number; byPresence: Record<Presence, number>; drift: number;
  byClass: { className: string; devices: number; simulated: boolean }[];
  byBuild: { buildId: string | null; buildName: string | null; devices: number }[];
};
