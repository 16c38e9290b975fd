import type { DeviceSummary, JobView, RolloutView, VersionView } from "@flotilla/fleet";
import { formatNoun } from "../../lib/format.ts";
import type { AttentionItem } from "./types.ts";

/** Trouble of the same size is ranked by how much it can still hurt. */
const RANK: Record<AttentionItem["kind"], number> = {
  rollout_halted: 0, key_change: 1, rollout_paused: 2, job_quarantined: 3, job_failed: 4, version_rejected: 5, devices_silent: 6,
};

/** What needs a person, widest blast radius first; halted rollouts always lead. */
export function attentionItems(input: {
  rollouts: readonly RolloutView[];
  jobs: readonly JobView[];
  rejected: readonly Pick<VersionView, "id" | "modelId" | "modelName" | "number" | "rejectReason" | "decidedAt">[];
  keyChanges: readonly { deviceId: string; deviceName: string; createdAt: string }[];
  summary: DeviceSummary;
}): AttentionItem[] {
  const items = [
    ...input.rollouts.flatMap(rolloutItem),
    ...input.keyChanges.map(keyChangeItem),
    ...input.jobs.flatMap(jobItem),
    ...input.rejected.map(rejectedItem),
    ...silentItem(input.summary),
  ];
  return items.toSorted((a, b) => tier(a) - tier(b) || b.devices - a.devices || RANK[a.kind] - RANK[b.kind] || (b.since ?? "").localeCompare(a.since ?? ""));
}

function tier(item: AttentionItem): number {
  return item.kind === "rollout_halted" ? 0 : 1;
}

function rolloutItem(rollout: RolloutView): AttentionItem[] {
  if (rollout.state !== "halted" && rollout.state !== "paused") return [];
  const halted = rollout.state === "halted";
  const { counts } = rollout;
  return [{
    key: `rollout:${rollout.id}`, kind: halted ? "rollout_halted" : "rollout_paused",
    title: `${rollout.name} is ${halted ? "halted" : "paused"}`, sentence: rollout.cause?.sentence ?? rollout.verdict,
    devices: counts.succeeded + counts.failed + counts.rolledBack + counts.timedOut + counts.offered + counts.downloading + counts.installing + counts.verifying,
    since: rollout.cause?.at ?? rollout.startedAt, href: `/rollouts/${rollout.id}`, action: halted ? "Decide" : "Resume or roll back",
  }];
}

function keyChangeItem(change: { deviceId: string; deviceName: string; createdAt: string }): AttentionItem {
  return {
    key: `key:${change.deviceId}`, kind: "key_change", title: `${change.deviceName} came back with another key`,
    sentence: "Somebody re-installed it, or somebody else pretends to be it. It gets nothing until a person decides.",
    devices: 1, since: change.createdAt, href: `/devices/${change.deviceId}`, action: "Approve or deny",
  };
}

function jobItem(job: JobView): AttentionItem[] {
  if (job.state !== "failed" && job.state !== "quarantined") return [];
  // A refused model is told once, as a rejected version.
  if (job.kind === "import" && job.state === "failed") return [];
  const subject = job.subjectName === null ? "" : ` of ${job.subjectName}`;
  return [{
    key: `job:${job.id}`, kind: job.state === "failed" ? "job_failed" : "job_quarantined",
    title: `${capital(job.kind)}${subject} ${job.state === "failed" ? "failed" : "is in quarantine"}`,
    sentence: job.cause ?? "The job gave no reason.", devices: 0, since: job.finishedAt, href: `/jobs/${job.id}`, action: "Open job",
  }];
}

function rejectedItem(version: Pick<VersionView, "id" | "modelId" | "modelName" | "number" | "rejectReason" | "decidedAt">): AttentionItem {
  return {
    key: `version:${version.id}`, kind: "version_rejected", title: `${version.modelName} version ${version.number} was refused`,
    sentence: version.rejectReason ?? "No reason was given.", devices: 0, since: version.decidedAt, href: `/models/${version.modelId}/v/${version.id}`, action: "See why",
  };
}

function silentItem(summary: DeviceSummary): AttentionItem[] {
  const { silent } = summary.byPresence;
  if (silent === 0) return [];
  return [{
    key: "silent", kind: "devices_silent", title: `${formatNoun(silent, "device has", "devices have")} gone quiet`,
    sentence: "No sync for ten intervals or more. What the pages show of them is old.", devices: silent, since: null, href: "/devices?presence=silent", action: "Show them",
  }];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Keeps the order of a list while somebody works in it: known items stay where they are, new ones are counted instead of inserted. */
export function heldOrder<T extends { key: string }>(held: readonly string[], fresh: readonly T[]): { items: T[]; added: number } {
  const byKey = new Map(fresh.map((item) => [item.key, item]));
  const items = held.flatMap((key) => byKey.get(key) ?? []);
  return { items, added: fresh.filter((item) => !held.includes(item.key)).length };
}
